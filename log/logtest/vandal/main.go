// Vandal deletes the body of one receipt in the data directory of a stopped
// log, behind the log's back: what a dishonest operator might do, and what an
// auditor has to notice. It is for demonstrations and tests.
//
//	vandal DATA-DIRECTORY INDEX
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/armalo/receiptlog/storage/kv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "vandal: error: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("say which data directory, and the index of which receipt")
	}
	index, err := strconv.ParseUint(args[1], 10, 53)
	if err != nil {
		return err
	}
	db, err := kv.Open(args[0], kv.Options{})
	if err != nil {
		return err
	}
	b := db.NewBatch()
	b.Delete(kv.BodyKey(index))
	b.Delete(kv.BodyKeyKey(index))
	if err := b.Commit(true); err != nil {
		return err
	}
	return db.Close()
}
