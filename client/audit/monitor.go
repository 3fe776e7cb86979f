package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/verdict"
)

// LogUnreachable is what a monitor makes of an account that is incomplete.
const LogUnreachable verdict.Code = "log_unreachable"

// Alert is a finding that somebody is to be told of.
type Alert struct {
	ID      string          `json:"id"` // the same however often it is told
	Origin  string          `json:"origin"`
	Found   time.Time       `json:"found"`
	Finding account.Finding `json:"finding"`
}

// Monitor audits again and again and tells somebody of what is new.
type Monitor struct {
	Auditor *Auditor
	// Interval is the time between the end of an audit and the next.
	Interval time.Duration
	// Tell tells somebody. An alert that could not be told is told again after
	// the next audit, so that each is told at least once.
	Tell func(context.Context, Alert) error
	// Issuers and Orgs (handles) restrict what is told: findings about others
	// are passed over. Empty means all. What is about the log as a whole is
	// always told.
	Issuers, Orgs []string
	// Done is called after each audit; nil means nobody asks.
	Done func(*account.Account, error)
}

// Run audits until ctx ends, whose cause it then returns.
func (m *Monitor) Run(ctx context.Context) error {
	for {
		acc, err := m.Auditor.Run(ctx)
		if err == nil {
			err = m.tell(ctx, acc)
		}
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if m.Done != nil {
			m.Done(acc, err)
		}
		if acc == nil {
			return err // the store failed: nothing is told twice, or lost
		}
		if err := m.Auditor.opts.Pause(ctx, m.Interval); err != nil {
			return err
		}
	}
}

// tell tells of findings that nobody was told of.
func (m *Monitor) tell(ctx context.Context, acc *account.Account) error {
	current := acc.Findings
	if acc.Incomplete != "" {
		current = append(clone(current), account.Finding{Code: LogUnreachable, Severity: account.Warning, Detail: acc.Incomplete})
	}
	told := m.Auditor.state.Told
	var still []string
	var failure error
	for _, f := range current {
		alert := Alert{ID: alertID(acc.Origin, f), Origin: acc.Origin, Found: acc.Ended, Finding: f}
		if !m.concerns(f) {
			continue
		}
		if !slices.Contains(told, alert.ID) {
			if err := m.Tell(ctx, alert); err != nil {
				failure = fmt.Errorf("tell of %s: %w", f.Code, err)
				continue
			}
		}
		still = append(still, alert.ID)
	}
	// What has passed is told anew when it comes back.
	m.Auditor.state.Told = still
	if err := m.Auditor.save(); err != nil {
		return err
	}
	return failure
}

func (m *Monitor) concerns(f account.Finding) bool {
	if f.Org != "" && len(m.Orgs) > 0 && !slices.Contains(m.Orgs, f.Org) {
		return false
	}
	return f.Issuer == "" || len(m.Issuers) == 0 || slices.Contains(m.Issuers, f.Issuer)
}

// alertID is a hash of what tells findings apart.
func alertID(origin string, f account.Finding) string {
	k := identityOf(f)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%s", origin, k.code, k.index, k.detail))
	return hex.EncodeToString(sum[:16])
}
