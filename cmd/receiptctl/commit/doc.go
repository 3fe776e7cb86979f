// Package commit reads from git what a receipt says about a change: base,
// head, the files touched, and the SHA-256 of the diff between them.
//
// The hash must come out the same on every machine and in ten years, so the
// diff is not what "git diff" happens to print for this user. It is the exact
// output of
//
//	git diff-tree -r -p --text --full-index --no-renames --no-color \
//	    --no-ext-diff --no-textconv --diff-algorithm=myers \
//	    --indent-heuristic --unified=3 --inter-hunk-context=0 \
//	    --src-prefix=a/ --dst-prefix=b/ --submodule=short \
//	    --ignore-submodules=none -O/dev/null BASE HEAD
//
// with core.quotePath on, run where neither configuration nor attributes of
// the system, the user, the repository or its working tree can change it: in
// an empty repository that borrows the objects. --text makes binary files part
// of the diff as they are; --binary would not do, since its output depends on
// the zlib that git was built with. Renames show as a deletion and an
// addition, since their detection depends on limits and versions.
//
// BASE is the first parent of HEAD, or git's empty tree where HEAD has none.
//
// The package runs the git program and nothing else. It never writes to the
// repository, runs none of its hooks or filters, and needs no network. Its
// functions may be called concurrently; cancelling their context kills git.
package commit
