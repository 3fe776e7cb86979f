package webhook

import (
	"encoding/json/v2"
	"fmt"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/webhook"
)

// encode returns the body of a message in the shape that the receiver takes.
func encode(r *Receiver, id string, m *webhook.Message) ([]byte, error) {
	switch r.Shape {
	case ShapeSlack:
		return json.Marshal(slackBody{Text: slackEscape(summary(m))})
	case ShapePagerDuty:
		return json.Marshal(pagerDutyOf(r.RoutingKey, id, m))
	}
	return json.Marshal(m)
}

// summary says in one line what a message tells.
func summary(m *webhook.Message) string {
	d := &m.Data
	if d.Erased {
		return fmt.Sprintf("%s: entry %d of %s, which was erased since", m.Type, *d.Index, d.Log)
	}
	run := "run " + d.RunID
	if d.Repository != "" {
		run += " in " + d.Repository
	} else if d.Project != "" {
		run += " of " + d.Project
	}
	switch m.Type {
	case ReceiptLogged.String():
		return fmt.Sprintf("%s is logged as entry %d of %s", run, *d.Index, d.Log)
	case RunCompleted.String():
		return run + " " + d.Outcome + because(d)
	case GateDenied.String():
		return run + ": denied by " + list(d.GatesDenied)
	case JuryBlock.String():
		return run + ": the jury blocked it"
	case EvalFailed.String():
		return run + ": failed " + list(d.EvalsFailed)
	case ErasureDone.String():
		return fmt.Sprintf("erasure %d of %s is carried out: %d receipts of %s", *d.Index, d.Log, d.Count, d.Org)
	case CheckpointStale.String():
		return fmt.Sprintf("%s has published no checkpoint since %s", d.Log, d.Since.Format(time.RFC3339))
	case CheckpointFresh.String():
		return fmt.Sprintf("%s publishes checkpoints again", d.Log)
	case QuorumLost.String():
		return fmt.Sprintf("%s has no quorum of witnesses (%s) since %s", d.Log, d.Quorum, d.Since.Format(time.RFC3339))
	case QuorumRegained.String():
		return fmt.Sprintf("%s has its quorum of witnesses again", d.Log)
	case MessagesMissed.String():
		return fmt.Sprintf("%d messages of %s were not sent, about entries %d to %d: the receiver's queue was full", d.Count, d.Log, *d.From, *d.To)
	}
	return fmt.Sprintf("%s of %s", m.Type, d.Log)
}

// because says why a run failed, "" if it did not.
func because(d *webhook.Data) string {
	var why []string
	if d.Verdict == "block" {
		why = append(why, "the jury blocked it")
	}
	if len(d.GatesDenied) > 0 {
		why = append(why, "denied by "+list(d.GatesDenied))
	}
	if len(d.EvalsFailed) > 0 {
		why = append(why, "failed "+list(d.EvalsFailed))
	}
	if len(why) == 0 {
		return ""
	}
	return ": " + strings.Join(why, "; ")
}

// maxNamed is how many names a line has.
const maxNamed = 5

func list(names []string) string {
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// slackBody is what a Slack incoming webhook takes.
type slackBody struct {
	Text string `json:"text"`
}

// slackEscape keeps what a receipt says from being taken for a link or a mention,
// and on one line. SPEC Slack: &, < and > are escaped, nothing else.
func slackEscape(text string) string {
	text = strings.Map(func(c rune) rune {
		if unprintable(c) {
			return ' '
		}
		return c
	}, text)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// pagerDuty is an event of PagerDuty's Events API v2.
type pagerDuty struct {
	RoutingKey  string            `json:"routing_key"`
	EventAction string            `json:"event_action"` // trigger or resolve
	DedupKey    string            `json:"dedup_key"`    // at most 255 characters
	Payload     *pagerDutyPayload `json:"payload,omitzero"`
}

type pagerDutyPayload struct {
	Summary       string        `json:"summary"` // at most 1024 characters
	Source        string        `json:"source"`
	Severity      string        `json:"severity"` // critical, error, warning or info
	Timestamp     time.Time     `json:"timestamp"`
	Component     string        `json:"component,omitzero"`
	Group         string        `json:"group,omitzero"`
	Class         string        `json:"class"`
	CustomDetails *webhook.Data `json:"custom_details"`
}

const maxSummary = 1024

// severities are those of kinds that are no error.
var severities = map[string]string{
	CheckpointStale.String(): "critical", QuorumLost.String(): "critical",
	EvalFailed.String(): "warning", MessagesMissed.String(): "warning",
	ErasureDone.String(): "info", Test.String(): "info",
}

func pagerDutyOf(key, id string, m *webhook.Message) *pagerDuty {
	e := &pagerDuty{RoutingKey: key, EventAction: "trigger", DedupKey: id}
	switch m.Type {
	case CheckpointFresh.String(), QuorumRegained.String():
		e.EventAction = "resolve"
		fallthrough
	case CheckpointStale.String(), QuorumLost.String():
		// What began and what ended are one incident.
		what, _, _ := strings.Cut(m.Type, ".")
		e.DedupKey = fmt.Sprintf("%.150s/%s/%d", m.Data.Log, what, m.Data.Since.Unix())
	}
	severity := severities[m.Type]
	if severity == "" {
		severity = "error"
	}
	line := []rune(summary(m))
	e.Payload = &pagerDutyPayload{
		Summary: string(line[:min(len(line), maxSummary)]), Source: m.Data.Log, Severity: severity, Timestamp: m.Timestamp,
		Component: m.Data.Project, Group: m.Data.Org, Class: m.Type, CustomDetails: &m.Data,
	}
	return e
}
