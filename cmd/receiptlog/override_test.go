package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/cmd/internal/config"
)

// Every setting of the file, and only those, can be given as a flag of serve and
// as a variable; a flag goes before a variable, and a variable before the file.
func TestEverySettingHasFlagAndVariable(t *testing.T) {
	dir := t.TempDir()
	c := defaultConfig()
	c.Origin = "log.example/file"
	text, err := config.Marshal(&c)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, configName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	all := config.Settings(&c)
	if want := leaves(t, text); len(all) != want || want < 15 {
		t.Fatalf("%d settings, the file has %d", len(all), want)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			cmd := newServe()
			read := func() string {
				t.Helper()
				got, err := readConfig(dir, func(c *Config) error { return c.fromFlags(cmd) })
				if err != nil {
					t.Fatal(err)
				}
				return valueAt(t, got, s.Name)
			}
			if s.Name == "tls.cert" || s.Name == "tls.key" { // they go together
				t.Setenv("RECEIPTLOG_TLS_CERT", "/c")
				t.Setenv("RECEIPTLOG_TLS_KEY", "/k")
			}
			before := read()
			first, second, fits := samples(s.Name, before)
			t.Setenv(s.Variable(program), first)
			if got := read(); got == before || !fits(got, first) {
				t.Errorf("%s=%s makes it %s, and it was %s", s.Variable(program), first, got, before)
			}
			if err := cmd.Flags().Set(s.Flag(), second); err != nil {
				t.Fatal(err)
			}
			if got := read(); !fits(got, second) {
				t.Errorf("--%s=%s with the variable makes it %s", s.Flag(), second, got)
			}
			t.Setenv(s.Variable(program), "")
			if got := read(); !fits(got, second) {
				t.Errorf("--%s=%s makes it %s", s.Flag(), second, got)
			}
		})
	}
}

// samples returns two good values of a setting that stands in JSON as now, and how
// they look there. The second of a switch is what it is by default, which a flag
// brings back.
func samples(name, now string) (first, second string, fits func(got, text string) bool) {
	quoted := func(got, text string) bool { return got == `"`+text+`"` }
	plain := func(got, text string) bool { return got == text }
	listed := func(got, text string) bool { return got == `["`+strings.Join(strings.Split(text, ","), `","`)+`"]` }
	_, notDuration := time.ParseDuration(strings.Trim(now, `"`))
	number, notNumber := strconv.Atoi(now)
	switch {
	case name == "issuers":
		return "did:web:a.example", "did:web:b.example,did:web:c.example", listed
	case name == "checkpointInterval":
		return "1s", "2s", quoted
	case name == "retention.floor", name == "retention.notice":
		return "P3Y", "P4Y", quoted
	case name == "logLevel":
		return "debug", "warn", quoted
	case name == "logFormat":
		return "json", "text", quoted
	case now == "true":
		return "false", "true", plain
	case now == "false":
		return "true", "false", plain
	case notNumber == nil:
		return strconv.Itoa(number + 1), strconv.Itoa(number + 2), plain
	case notDuration == nil:
		return "12m0s", "13m0s", quoted
	case now[0] == '[':
		return "a.key", "b.key,c.key", listed
	}
	return "/one", "/two", quoted
}

// valueAt returns a setting as it stands in JSON.
func valueAt(t *testing.T, c *Config, name string) string {
	t.Helper()
	value, err := json.Marshal(c)
	for _, member := range strings.Split(name, ".") {
		var members map[string]jsontext.Value
		if err == nil {
			err = json.Unmarshal(value, &members)
		}
		value = []byte(members[member])
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(value)
}

// leaves counts what the file sets.
func leaves(t *testing.T, text []byte) (n int) {
	t.Helper()
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	for _, v := range members {
		if v.Kind() == '{' {
			n += leaves(t, v)
		} else {
			n++
		}
	}
	return n
}

func TestBadOverrides(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(`{"origin": "log.example/x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for variable, want := range map[string]string{
		"RECEIPTLOG_MAX_OUTSTANDING":     "$RECEIPTLOG_MAX_OUTSTANDING",
		"RECEIPTLOG_FAIL_OPEN":           "$RECEIPTLOG_FAIL_OPEN",
		"RECEIPTLOG_CHECKPOINT_INTERVAL": "$RECEIPTLOG_CHECKPOINT_INTERVAL",
		"RECEIPTLOG_LOG_LEVEL":           "logLevel must be",
		"RECEIPTLOG_TLS_CERT":            "cert and key go together",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "nonsense")
			if _, err := readConfig(dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v", err)
			}
		})
	}
	cmd := newServe()
	if err := cmd.Flags().Set("reserve-bytes", "-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := readConfig(dir, func(c *Config) error { return c.fromFlags(cmd) }); err == nil || !strings.Contains(err.Error(), "--reserve-bytes") {
		t.Errorf("%v", err)
	}
	t.Setenv("RECEIPTLOG_PORT", "tcp://10.0.0.1:80") // such as others set: no business of ours
	if _, err := readConfig(dir); err != nil {
		t.Error(err)
	}
}
