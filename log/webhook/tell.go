package webhook

import (
	"time"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/outbox"
)

// Word is what is to be told about one receipt. The zero value is nothing.
type Word struct {
	h  *Hooks
	to []recipient
	at time.Time
}

// recipient is a receiver, and what it is to be told.
type recipient struct {
	receiver uint32
	kinds    set
}

// Of returns what there is to tell about a receipt that is about to be logged, and
// to whom. Where nobody wants to know, that costs a look at a pointer.
func (h *Hooks) Of(r *receipt.Receipt, at time.Time) Word {
	all := h.receivers.Load()
	if all == nil || len(*all) == 0 {
		return Word{}
	}
	w := Word{h: h, at: at}
	kinds, failed := kindsOf(&r.Credential().CredentialSubject.Build)
	for _, to := range *all {
		if to.Org != "" && to.Org != r.Org() {
			continue
		}
		told := kinds & to.wants
		if to.OnlyFailures && !failed {
			told &^= set(0).with(ReceiptLogged, RunCompleted)
		}
		if told != 0 {
			w.to = append(w.to, recipient{to.ID, told})
		}
	}
	return w
}

// Size is about how many bytes Put writes.
func (w *Word) Size() int { return len(w.to) * 2 * wordBytes }

// wordBytes is about what one message takes in a batch.
const wordBytes = 64

// Put writes it to the batch of the receipt's entry. It must be the last that is
// written there and may fail.
func (w *Word) Put(b *kv.Batch, index uint64) {
	for _, to := range w.to {
		for _, k := range receiptKinds {
			if to.kinds.has(k) {
				w.h.box.Put(b, to.receiver, outbox.Message{Kind: byte(k), Subject: index, At: w.at})
			}
		}
	}
}

// ErasureDone writes to b that the erasure at index, of an organisation by name,
// is carried out.
func (h *Hooks) ErasureDone(b *kv.Batch, index uint64, org string, at time.Time) {
	h.put(b, outbox.Message{Kind: byte(ErasureDone), Subject: index, At: at}, func(r *Receiver) bool {
		return r.Org == "" || r.Org == org
	})
	h.nudged.Store(true)
}

// put writes a message to all who want its kind and whom it concerns.
func (h *Hooks) put(b *kv.Batch, m outbox.Message, concerns func(*Receiver) bool) {
	all := h.receivers.Load()
	if all == nil {
		return
	}
	for _, to := range *all {
		if to.wants.has(Kind(m.Kind)) && concerns(to) {
			h.box.Put(b, to.ID, m)
		}
	}
}
