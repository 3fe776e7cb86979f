package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/armalo/receiptlog/cmd/internal/config"
)

// Every setting can be given as a variable and as a flag of serve, in this order.
func TestEverySettingHasFlagAndVariable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(`{"name": "witness.example"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	samples := map[string][2]string{
		"bastions": {"a:1", "b:2,c:3"}, "behindProxy": {"true", "false"}, "logLevel": {"debug", "warn"}, "logFormat": {"json", "text"},
		"perLogPerSecond": {"1.5", "2.5"}, "perLogBurst": {"1", "2"}, "perClientPerSecond": {"1.5", "2.5"}, "perClientBurst": {"1", "2"},
	}
	for i, s := range config.Settings(new(Config)) {
		t.Run(s.Name, func(t *testing.T) {
			cmd := newServe()
			read := func() string {
				t.Helper()
				c, err := readConfig(dir, func(c *Config) error { return config.FromFlags(c, cmd) })
				if err != nil {
					t.Fatal(err)
				}
				return fmt.Sprint(flat(reflect.ValueOf(*c))[i])
			}
			if s.Name == "tls.cert" || s.Name == "tls.key" { // they go together
				t.Setenv("RECEIPTWITNESS_TLS_CERT", "/c")
				t.Setenv("RECEIPTWITNESS_TLS_KEY", "/k")
			}
			values, ok := samples[s.Name]
			if !ok {
				values = [2]string{"one", "two"}
			}
			file := read()
			t.Setenv(s.Variable(program), values[0])
			variable := read()
			if err := cmd.Flags().Set(s.Flag(), values[1]); err != nil {
				t.Fatal(err)
			}
			if flag := read(); file == variable || variable == flag {
				t.Errorf("file %s, then variable %s, then flag %s", file, variable, flag)
			}
		})
	}
}

// flat lists the members of a struct in the order of config.Settings.
func flat(v reflect.Value) (all []any) {
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Struct {
			all = append(all, flat(v.Field(i))...)
		} else {
			all = append(all, v.Field(i).Interface())
		}
	}
	return all
}
