package witness

import (
	"fmt"
	"time"
)

// Reason says why a request was refused. SPEC tlog-witness gives each a status.
type Reason int

// The reasons, in the order in which the specification checks them.
const (
	Malformed    Reason = iota + 1 // not a well-formed request, or old size beyond the checkpoint (400)
	UnknownLog                     // the origin is not one of ours (404)
	Untrusted                      // no valid signature by a trusted key, or one that does not verify (403)
	Conflict                       // old size is not the size last cosigned (409)
	Inconsistent                   // root or proof does not fit (422)
	TooMany                        // the log asks more often than agreed (429)
)

// RefusedError is why a request was refused. Its text is fit for the requester.
type RefusedError struct {
	Reason     Reason
	Detail     string
	Size       uint64        // for Conflict: size of the checkpoint last cosigned
	RetryAfter time.Duration // for TooMany
}

func (e *RefusedError) Error() string { return e.Detail }

func refuse(r Reason, format string, args ...any) error {
	return &RefusedError{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
