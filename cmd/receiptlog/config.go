package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/did"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/cmd/internal/certificate"
	"github.com/armalo/receiptlog/cmd/internal/config"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/access"
	"github.com/armalo/receiptlog/log/webhook"
	"github.com/armalo/receiptlog/storage/kv"
)

// What stands in a log's directory.
const (
	configName  = "receiptlog.json" // Config; written last: with it the log is complete
	dataName    = "data"            // the database
	issuersName = "issuers"         // pinned DID documents
	policyName  = "policy.txt"      // for verifiers: which log to trust
	ed25519Name = "log-ed25519.key"
	mldsa44Name = "log-mldsa44.key"
)

// program begins the names of environment variables that stand for settings.
const program = "RECEIPTLOG"

// Config is the file receiptlog.json in a log's directory. It is read strictly:
// a name that is not here is an error. Durations are written as in "250ms".
//
// Each setting may also be given as a flag of serve, and as an environment
// variable to every command that reads the file: see config.Setting.
type Config struct {
	// Origin is the log's name in its checkpoints. It never changes.
	Origin string `json:"origin"`
	// Listen is the address to serve on. The flag --listen overrides it.
	Listen string `json:"listen"`
	// TLS says with which certificate to serve.
	TLS certificate.Files `json:"tls"`
	// Keys are the files of the keys that sign checkpoints, relative to the
	// directory. The first is of type Ed25519.
	Keys []string `json:"keys"`
	// Issuers are the DIDs whose receipts are accepted; no others are.
	Issuers []string `json:"issuers"`
	// DIDWeb says how did:web documents that are not pinned are fetched.
	DIDWeb ConfigDIDWeb `json:"didWeb"`

	// Policy is the file, relative to the directory, of a C2SP tlog-policy whose
	// witnesses are asked to cosign every checkpoint; "" asks nobody. Without
	// their quorum nothing is published, unless FailOpen is true: then whoever
	// verifies by the policy refuses what is published. The flags --policy and
	// --fail-open override them.
	Policy   string `json:"policy"`
	FailOpen bool   `json:"failOpen"`

	// CheckpointInterval is the least time between two checkpoints, and
	// RepublishInterval the most.
	CheckpointInterval config.Duration `json:"checkpointInterval"`
	RepublishInterval  config.Duration `json:"republishInterval"`
	// MaxOutstanding is how many receipts may wait to be sequenced before more
	// are answered with 503.
	MaxOutstanding uint `json:"maxOutstanding"`
	// ReserveBytes are kept free on the disk. With less, receipts are answered
	// with 507 while reading goes on; more than 64 MiB is sensible.
	ReserveBytes uint64 `json:"reserveBytes"`
	// MemTableBytes is how much is gathered in memory before it is written to a
	// table. Up to four times as much may be in memory, and is read again at the
	// next start. Less suits a very small machine, and costs writing.
	MemTableBytes uint64 `json:"memTableBytes"`

	// Retention is what the log promises at least about bodies.
	Retention ConfigRetention `json:"retention"`
	// Access says who may submit, and how often a key may be used.
	Access ConfigAccess `json:"access"`
	// Webhooks says where receivers may be, and what they are told.
	Webhooks ConfigWebhooks `json:"webhooks"`

	config.Logging
}

// ConfigDIDWeb says how did:web documents are fetched.
type ConfigDIDWeb struct {
	// Enabled allows fetching at all. Without it only pinned documents and
	// did:key are known.
	Enabled bool `json:"enabled"`
	// AllowPrivate allows addresses that are not public, for issuers within
	// one's own network. Never set it where strangers can be issuers.
	AllowPrivate bool `json:"allowPrivate"`
	// CacheFor is how long a document is used before it is fetched again, and
	// TolerateOutage how long the last one is used while that fails. A key that
	// was revoked may be accepted for as long.
	CacheFor       config.Duration `json:"cacheFor"`
	TolerateOutage config.Duration `json:"tolerateOutage"`
}

// ConfigRetention is what the log promises at least about bodies. Periods are
// ISO 8601.
type ConfigRetention struct {
	// Floor is the least that an organisation's rules may keep receipts for.
	Floor string `json:"floor"`
	// Notice is how long a rule that shortens waits before it touches earlier
	// receipts.
	Notice string `json:"notice"`
	// Paused has erasures appended and none carried out, and nothing swept,
	// until it is false again.
	Paused bool `json:"paused"`
}

// ConfigAccess says who may submit, and how often a key may be used.
type ConfigAccess struct {
	// RequireKeys wants a key with the scope receipts:write of whoever submits.
	// Without it a receipt is taken from anybody: its signature says who answers
	// for it, and only issuers of this log are believed.
	RequireKeys bool `json:"requireKeys"`
	// RequestsPerSecond is what a key may make that has no rate of its own;
	// twice as many may come at once.
	RequestsPerSecond int `json:"requestsPerSecond"`
}

// ConfigWebhooks says where receivers of webhooks may be, and what they are told.
type ConfigWebhooks struct {
	// AllowPrivate allows addresses that are not public, and http:// URLs. Never
	// set it where others than the operator can add receivers.
	AllowPrivate bool `json:"allowPrivate"`
	// QuorumGrace is how long the quorum of witnesses may be lost before somebody is
	// told: a witness may be started anew.
	QuorumGrace config.Duration `json:"quorumGrace"`
}

// terms reads the periods.
func (c ConfigRetention) terms() (t rules.Terms, err error) {
	if t.Floor, err = period.Parse(c.Floor); err != nil {
		return t, fmt.Errorf("retention.floor: %w", err)
	}
	if t.Notice, err = period.Parse(c.Notice); err != nil {
		return t, fmt.Errorf("retention.notice: %w", err)
	}
	return t, nil
}

// defaultConfig is what init writes, and what a name that is left out means.
func defaultConfig() Config {
	return Config{
		Listen:             "127.0.0.1:8080",
		Keys:               []string{ed25519Name, mldsa44Name},
		Issuers:            []string{},
		DIDWeb:             ConfigDIDWeb{Enabled: true, CacheFor: config.Duration(log.DefaultIssuerRefresh), TolerateOutage: config.Duration(log.DefaultIssuerMaxAge)},
		CheckpointInterval: config.Duration(log.DefaultCheckpointInterval),
		RepublishInterval:  config.Duration(log.DefaultRepublishInterval),
		MaxOutstanding:     log.DefaultMaxOutstanding,
		ReserveBytes:       kv.DefaultReserveBytes,
		MemTableBytes:      kv.DefaultMemTableBytes,
		Retention:          ConfigRetention{Floor: rules.DefaultTerms.Floor.String(), Notice: rules.DefaultTerms.Notice.String()},
		Access:             ConfigAccess{RequestsPerSecond: access.DefaultRate},
		Webhooks:           ConfigWebhooks{QuorumGrace: config.Duration(webhook.DefaultQuorumGrace)},
		Logging:            config.DefaultLogging,
	}
}

const (
	minMemTableBytes = 64 << 10 // some twenty receipts
	maxMemTableBytes = 1 << 30  // four of them are 4 GiB of memory
)

// maxConfigBytes bounds the file: ten thousand issuers fit.
const maxConfigBytes = 1 << 20

// readConfig reads and checks the configuration of the log in dir. Environment
// variables go before the file, and over before both.
func readConfig(dir string, over ...func(*Config) error) (*Config, error) {
	c := defaultConfig()
	changes := []func() error{func() error { return config.FromEnvironment(&c, program) }}
	for _, change := range over {
		changes = append(changes, func() error { return change(&c) })
	}
	absent := exit.With(exit.Usage, fmt.Errorf("there is no log in %s: it has no %s", dir, configName), "make one with: receiptlog init")
	if err := config.Read(filepath.Join(dir, configName), maxConfigBytes, &c, absent, changes...); err != nil {
		return nil, err
	}
	return &c, nil
}

// Check says what is wrong with it.
func (c *Config) Check() error {
	if c.Origin == "" {
		return errors.New("origin is missing")
	}
	if _, err := c.Retention.terms(); err != nil {
		return err
	}
	if err := c.TLS.Check(); err != nil {
		return err
	}
	if len(c.Keys) == 0 {
		return errors.New("keys: at least one is needed")
	}
	for _, name := range c.Issuers {
		if did.Method(name) == "" {
			return fmt.Errorf("issuers: %q is not a DID", name)
		}
	}
	for name, d := range map[string]config.Duration{"checkpointInterval": c.CheckpointInterval, "republishInterval": c.RepublishInterval, "didWeb.cacheFor": c.DIDWeb.CacheFor, "didWeb.tolerateOutage": c.DIDWeb.TolerateOutage, "webhooks.quorumGrace": c.Webhooks.QuorumGrace} {
		if d <= 0 {
			return fmt.Errorf("%s must be more than zero", name)
		}
	}
	if c.RepublishInterval < c.CheckpointInterval {
		return errors.New("republishInterval must not be less than checkpointInterval")
	}
	if c.MaxOutstanding == 0 {
		return errors.New("maxOutstanding must be more than zero")
	}
	if c.Access.RequestsPerSecond <= 0 || c.Access.RequestsPerSecond > api.MaxKeyRate {
		return fmt.Errorf("access.requestsPerSecond must be from 1 to %d", api.MaxKeyRate)
	}
	if c.ReserveBytes == 0 {
		return errors.New("reserveBytes must be more than zero")
	}
	if c.MemTableBytes < minMemTableBytes || c.MemTableBytes > maxMemTableBytes {
		return fmt.Errorf("memTableBytes must be from %d to %d", minMemTableBytes, maxMemTableBytes)
	}
	return c.Logging.Check()
}
