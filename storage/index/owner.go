package index

import "fmt"

// Owner says who may see a receipt: so much that nothing of one that somebody
// may not see has to be read.
type Owner struct {
	// Known is false in rows of earlier versions, where the body has to be read.
	Known  bool
	Public bool // anybody
	Org    Handle
}

const (
	ownerPrivate = 0
	ownerPublic  = 1
	ownerLen     = 1 + len(Handle{})
)

// OwnedBy returns the owner of a receipt of that organisation.
func OwnedBy(org Handle, public bool) Owner { return Owner{Known: true, Public: public, Org: org} }

// marshal returns 1 byte, which says whether it is public, and the handle.
func (o Owner) marshal() []byte {
	if !o.Known {
		return nil
	}
	value := make([]byte, 1, ownerLen)
	if o.Public {
		value[0] = ownerPublic
	}
	return append(value, o.Org[:]...)
}

func parseOwner(value []byte) (o Owner, err error) {
	if len(value) == 0 {
		return o, nil
	}
	if len(value) != ownerLen || value[0] != ownerPrivate && value[0] != ownerPublic {
		return o, fmt.Errorf("its row says in %d bytes whose it is", len(value))
	}
	o = Owner{Known: true, Public: value[0] == ownerPublic}
	copy(o.Org[:], value[1:])
	return o, nil
}
