package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// hasForeign reports whether a litewitness can run here.
func (s *stage) hasForeign() bool {
	if _, err := os.Stat(filepath.Join(s.bin, "peers", "litewitness")); err != nil {
		return false
	}
	for _, name := range []string{"ssh-agent", "ssh-add", "ssh-keygen", "sqlite3"} {
		if _, err := exec.LookPath(name); err != nil {
			return false
		}
	}
	return true
}

// startForeign makes a litewitness with a key in an ssh-agent of its own, and
// tells its database of the log.
func (s *stage) startForeign(w *witness, logKey string) error {
	key, socket, db := s.path("lite.key"), s.path("lite.agent"), s.path("lite.db")
	if _, err := s.command(nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); err != nil {
		return err
	}
	agent, err := startProgram(s.dir, "ssh-agent", "-D", "-a", socket)
	if err != nil {
		return err
	}
	w.helpers = append(w.helpers, agent)
	if err := s.await(agent, func() bool { _, err := os.Stat(socket); return err == nil }); err != nil {
		return err
	}
	if _, err := s.command([]string{"SSH_AUTH_SOCK=" + socket}, "ssh-add", "-q", key); err != nil {
		return err
	}
	print, err := s.command(nil, "ssh-keygen", "-lf", key+".pub")
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	w.url = "http://" + address
	w.program, err = startProgram(s.dir, filepath.Join(s.bin, "peers", "litewitness"), "-name", w.name, "-db", db,
		"-ssh-agent", socket, "-key", strings.Fields(print)[1], "-listen", address)
	if err != nil {
		return err
	}
	if err := s.await(w.program, func() bool { w.vkey = s.foreignKey(w); return w.vkey != "" }); err != nil {
		return err
	}
	const emptyRoot = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	_, err = s.command(nil, "sqlite3", db, fmt.Sprintf("PRAGMA busy_timeout=5000; INSERT INTO log VALUES ('%[1]s', 0, '%[2]s'); INSERT INTO key VALUES ('%[1]s', '%[3]s');", origin, emptyRoot, logKey))
	return err
}

// foreignKey reads the verifier key of a litewitness off its front page.
func (s *stage) foreignKey(w *witness) string {
	page, err := s.page(w.url + "/")
	if err != nil {
		return ""
	}
	_, rest, found := strings.Cut(page, w.name+"+")
	end := strings.IndexAny(rest, "< \n\"")
	if !found || end < 0 {
		return ""
	}
	return w.name + "+" + strings.ReplaceAll(rest[:end], "&#43;", "+")
}

// freeAddress returns an address on loopback that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
