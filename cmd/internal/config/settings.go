package config

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// Setting is one name of a configuration, such as didWeb.cacheFor. It may also be
// given as a flag, --did-web-cache-for, and as an environment variable,
// PROGRAM_DID_WEB_CACHE_FOR; lists are given with commas between. A flag goes
// before a variable, and a variable before the file. An empty variable is none.
type Setting struct {
	Name string

	value reflect.Value
}

// Settings returns all settings of a configuration, a pointer to a struct, in the
// order of its members. What is set later is set there.
func Settings(c any) []Setting { return settings("", reflect.ValueOf(c).Elem()) }

func settings(prefix string, v reflect.Value) (all []Setting) {
	for i := range v.NumField() {
		name := prefix + v.Type().Field(i).Tag.Get("json")
		switch {
		case v.Type().Field(i).Anonymous:
			all = append(all, settings(prefix, v.Field(i))...)
		case v.Field(i).Kind() == reflect.Struct:
			all = append(all, settings(name+".", v.Field(i))...)
		default:
			all = append(all, Setting{name, v.Field(i)})
		}
	}
	return all
}

// Flag is the name of the setting's flag.
func (s Setting) Flag() string { return s.words('-') }

// Variable is the name of the setting's environment variable.
func (s Setting) Variable(program string) string {
	return strings.ToUpper(program + "_" + s.words('_'))
}

// words writes the name with a separator between its words: didWeb.cacheFor is
// did, web, cache and for.
func (s Setting) words(separator byte) string {
	var out []byte
	for _, c := range s.Name {
		switch {
		case c == '.':
			out = append(out, separator)
		case unicode.IsUpper(c):
			out = append(out, separator, byte(unicode.ToLower(c)))
		default:
			out = append(out, byte(c))
		}
	}
	return string(out)
}

// Set sets it to what a text says.
func (s Setting) Set(text string) (err error) {
	if t, ok := s.value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return t.UnmarshalText([]byte(text))
	}
	switch s.value.Kind() {
	case reflect.String:
		s.value.SetString(text)
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil {
			s.value.SetBool(b)
		}
	case reflect.Int:
		var n int64
		if n, err = strconv.ParseInt(text, 10, 64); err == nil {
			s.value.SetInt(n)
		}
	case reflect.Uint, reflect.Uint64:
		var n uint64
		if n, err = strconv.ParseUint(text, 10, 64); err == nil {
			s.value.SetUint(n)
		}
	case reflect.Float64:
		var x float64
		if x, err = strconv.ParseFloat(text, 64); err == nil {
			s.value.SetFloat(x)
		}
	case reflect.Slice:
		s.value.Set(reflect.ValueOf(strings.Split(text, ",")))
	default:
		return fmt.Errorf("%s is of a kind that no text stands for", s.Name)
	}
	if e, ok := errors.AsType[*strconv.NumError](err); ok {
		err = fmt.Errorf("%q: %w", text, e.Err)
	}
	return err
}

// AddFlags gives a command a flag for each setting of c that it has no flag for.
func AddFlags(cmd *cobra.Command, c any, program, file string) {
	for _, s := range Settings(c) {
		if cmd.Flags().Lookup(s.Flag()) != nil {
			continue
		}
		cmd.Flags().String(s.Flag(), "", fmt.Sprintf("`value` in place of %s in %s (or $%s)", s.Name, file, s.Variable(program)))
		if s.value.Kind() == reflect.Bool {
			cmd.Flags().Lookup(s.Flag()).NoOptDefVal = "true"
		}
	}
}

// FromEnvironment sets what the environment has variables for.
func FromEnvironment(c any, program string) error {
	for _, s := range Settings(c) {
		name := s.Variable(program)
		if text := os.Getenv(name); text != "" {
			if err := s.Set(text); err != nil {
				return fmt.Errorf("$%s: %w", name, err)
			}
		}
	}
	return nil
}

// FromFlags sets what the command was given flags for.
func FromFlags(c any, cmd *cobra.Command) error {
	for _, s := range Settings(c) {
		if f := cmd.Flags().Lookup(s.Flag()); f != nil && f.Changed {
			if err := s.Set(f.Value.String()); err != nil {
				return fmt.Errorf("--%s: %w", s.Flag(), err)
			}
		}
	}
	return nil
}
