package access

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/storage/access"
	"github.com/armalo/receiptlog/storage/kv"
)

// maxTrailScan bounds how many acts one page looks at: whoever may see few of
// them gets a short page and goes on from there.
const maxTrailScan = 20 * api.MaxTrailLines

// Note writes an act to the trail. It is durable when Note returns. Who is to
// do something that must not go unseen notes it first.
func (r *Ring) Note(by Caller, act api.Act) (seq uint64, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	b := r.db.NewBatch()
	if err := r.putAct(b, by, &act); err != nil {
		return 0, err
	}
	if err := b.Commit(true); err != nil {
		return 0, fmt.Errorf("write trail: %w", err)
	}
	r.next++
	return act.Seq, nil
}

// putAct writes an act to b as the next one. The caller holds changing, and
// counts it once b is durable.
func (r *Ring) putAct(b *kv.Batch, by Caller, act *api.Act) error {
	act.Detail = clip(act.Detail)
	act.Seq, act.At, act.By, act.ByName = r.next, r.now().Truncate(time.Second), by.ID(), by.Name()
	value, err := json.Marshal(act)
	if err == nil {
		access.PutAct(b, act.Seq, value)
	}
	return err
}

// maxDetail bounds what others say of an act, in bytes: it is for a line of a
// list, and the entry itself says the rest.
const maxDetail = 500

func clip(s string) string {
	if len(s) > maxDetail {
		s = s[:maxDetail] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

var errEnough = errors.New("enough")

// Trail returns the acts from seq on that the caller may see: of its
// organisation, or all.
//
// Errors: forbidden.
func (r *Ring) Trail(by Caller, from uint64, limit int) (*api.TrailPage, error) {
	if !by.Has(api.ScopeAuditRead) {
		return nil, forbidden(api.ScopeAuditRead)
	}
	limit = min(limit, api.MaxTrailLines)
	page := &api.TrailPage{Acts: []api.Act{}}
	seen := 0
	err := access.Acts(r.db, from, func(seq uint64, value []byte) error {
		if len(page.Acts) == limit || seen == maxTrailScan {
			page.Next = &seq
			return errEnough
		}
		seen++
		var act api.Act
		if err := json.Unmarshal(value, &act); err != nil {
			return fmt.Errorf("act %d of the trail: %w", seq, err)
		}
		if by.All() || act.Org != "" && by.Covers(act.Org) {
			page.Acts = append(page.Acts, act)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return page, nil
}
