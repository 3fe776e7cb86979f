package account

import (
	"encoding/json/v2"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

// MaxBytes bounds an account: ten thousand findings with their evidence and a
// checkpoint a day for ten years, with room.
const MaxBytes = 256 << 20

// Parse reads an account. Members that are not known are passed over, so that
// one of a later version can be read. Its errors carry malformed, too_large or
// schema_invalid.
func Parse(data []byte) (*Account, error) {
	canonical, err := jcs.Canonicalize(data, MaxBytes)
	if err != nil {
		return nil, err
	}
	a := new(Account)
	if err := json.Unmarshal(canonical, a); err != nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "account", "%v", err)
	}
	if a.Origin == "" || a.Checkpoints == nil || a.Orgs == nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "account", "is none: it has no origin, no checkpoints or no orgs")
	}
	return a, nil
}
