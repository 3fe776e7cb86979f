package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
)

// manyLogs lets our witness serve so many logs, each of which asks once, and
// returns its memory in MiB.
func manyLogs(dir string, count int) (mib float64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	all := make([]*preparedLog, count)
	origins := make(map[string]string, count)
	for i := range all {
		if all[i], err = prepare(fmt.Sprintf("many.example/%d", i), 1); err != nil {
			return 0, err
		}
		origins[all[i].origin] = all[i].vkey
	}
	p, err := startOurs(dir, origins)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, l := range all {
		if err := ask(conn, in, l.requests[0]); err != nil {
			return 0, fmt.Errorf("%s: %w", l.origin, err)
		}
	}
	return p.rss()
}
