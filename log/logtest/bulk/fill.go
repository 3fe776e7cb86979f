package bulk

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"time"

	"github.com/transparency-dev/tessera"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// Filler appends entries to a closed log. Signatures are not looked at.
type Filler struct {
	world   *World
	ctx     context.Context
	db      *kv.DB
	index   *index.Index
	add     tessera.AddFn
	pending []tessera.IndexFuture
}

// unsettled is how many entries may be under way.
const unsettled = 8192

// Fill lets fill append entries, behind the issuer's document, and returns once
// all are published. A log that has some is left as it is.
func (w *World) Fill(ctx context.Context, fill func(*Filler) error) (err error) {
	db, err := kv.Open(w.data(), kv.Options{Origin: Origin})
	if err != nil {
		return err
	}
	if filled, err := db.Has(kv.TreeKey()); filled || err != nil {
		return errors.Join(err, db.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := driver.New(db, driver.Options{})
	opts := tessera.NewAppendOptions().WithCheckpointSigner(w.signers[0]).WithCheckpointInterval(time.Second).WithPushback(1 << 20)
	appender, shutdown, _, err := tessera.NewAppender(ctx, d, opts)
	if err != nil {
		return err
	}
	f := &Filler{world: w, ctx: ctx, db: db, index: index.New(db), add: appender.Add}
	err = f.Entry(entry.Issuer{DID: w.Issuer.DID, Document: w.Issuer.Document().Canonical(), At: time.Now()}, nil)
	if err == nil {
		err = fill(f)
	}
	if err == nil {
		err = f.settle()
	}
	if err == nil {
		err = shutdown(ctx)
	}
	cancel()
	d.Wait()
	if err != nil {
		return err
	}
	return db.Close()
}

// Entry appends an entry with its rows; nil means none.
func (f *Filler) Entry(e entry.Entry, rows driver.Records) error {
	ctx := f.ctx
	if rows != nil {
		ctx = driver.WithRecords(ctx, rows)
	}
	f.pending = append(f.pending, f.add(ctx, tessera.NewEntry(e.Marshal())))
	if len(f.pending) < unsettled {
		return nil
	}
	return f.settle()
}

func (f *Filler) settle() error {
	for _, future := range f.pending {
		if _, err := future(); err != nil {
			return err
		}
	}
	f.pending = f.pending[:0]
	return nil
}

// ReceiptEntry is an entry of the issuer's, as of now, that promises to keep a
// body without end; the commitment is missing.
func (w *World) ReceiptEntry(org string) entry.Receipt {
	return entry.Receipt{Issuer: w.Issuer.DID, Key: did.EncodeKey(w.Issuer.Key.Public().(ed25519.PublicKey)), Org: org, At: time.Now(), Retain: entry.Indefinite}
}

// Receipt appends a receipt with its body and all that the log would write with
// it, save the lists that are searched, which it makes when it is opened. The
// handle of its organisation and the commitment are filled in.
func (f *Filler) Receipt(e entry.Receipt, plain []byte) error {
	r, err := receipt.Parse(plain)
	if err != nil {
		return err
	}
	rows := &receiptRows{index: f.index, receipt: r}
	if rows.org, err = f.index.Handle(r.Org()); err != nil {
		return err
	}
	e.Org = rows.org.String()
	var salt [entry.SaltSize]byte
	rand.Read(salt[:])
	e.Commitment = entry.Commit(salt, r.Canonical())
	if rows.sealed, err = body.Seal(e.Commitment, salt, r.Canonical()); err != nil {
		return err
	}
	rows.promise = rules.PromiseOf(e)
	return f.Entry(e, rows)
}

// receiptRows are the rows of one receipt.
type receiptRows struct {
	index   *index.Index
	receipt *receipt.Receipt
	org     index.Handle
	sealed  *body.Sealed
	promise rules.Promise
}

// Append implements driver.Records.
func (r *receiptRows) Append(b *kv.Batch, at uint64) error {
	if _, _, err := r.index.Claim(b, r.receipt.Hash(), at); err != nil {
		return err
	}
	r.sealed.Put(b, at)
	if !r.promise.Until.IsZero() {
		promise.Due(b, r.promise.Until.Unix(), at)
	}
	r.index.PutRun(b, r.receipt.RunID(), at, index.OwnedBy(r.org, r.receipt.Publishable()))
	return r.index.PutOrg(b, r.receipt.Org(), r.org)
}

// Size implements driver.Sized.
func (r *receiptRows) Size() int { return r.sealed.Size() + rowBytes }

// rowBytes is about what the index rows of one receipt take.
const rowBytes = 256
