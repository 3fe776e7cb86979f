// Package admin lets the operator's commands speak with a witness that is serving:
// HTTP on a socket in the data folder, which only the folder's owner can open. The
// commands do the same to the database itself while nobody serves.
//
//	POST   /logs          add logs (JSON array of witness.Log), answer: their changes
//	DELETE /logs?origin=  remove a log
//	GET    /logs          all logs, one JSON object a line
//	POST   /keys          read the key files again, answer: the verifier keys
package admin

import (
	"bufio"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/armalo/receiptlog/witness"
)

// Witness is what the commands do, on a database or on a server.
type Witness interface {
	AddLogs(logs []witness.Log) ([]witness.Change, error)
	RemoveLog(origin string) error
	Logs(visit func(witness.Status) error) error
	ReloadKeys() (vkeys []string, err error)
}

// maxBody bounds what a command sends: the longest log list as JSON.
const maxBody = 4 * witness.MaxLogListBytes

// Local does the commands on a witness in this process. Reload reads the key files.
type Local struct {
	*witness.Witness
	Reload func() (*witness.Keys, error)
}

// AddLogs adds logs one after another, up to the first that cannot be added.
func (l Local) AddLogs(logs []witness.Log) ([]witness.Change, error) {
	var changes []witness.Change
	for _, log := range logs {
		c, err := l.AddLog(log)
		if err != nil {
			return changes, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// Logs calls visit for every log.
func (l Local) Logs(visit func(witness.Status) error) error {
	return l.Witness.Logs("", func(_ string, s witness.Status) error { return visit(s) })
}

// ReloadKeys makes the witness sign with the keys that are in the files now.
func (l Local) ReloadKeys() ([]string, error) {
	keys, err := l.Reload()
	if err != nil {
		return nil, err
	}
	l.SetKeys(keys)
	return keys.VKeys(), nil
}

// Listen returns the listener for a server's socket at path. A socket that a
// crashed server left is replaced: the caller must hold the database's lock.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old admin socket: %w", err)
	}
	// The socket must be its owner's alone from the moment it exists.
	mask := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(mask)
	if err != nil {
		return nil, fmt.Errorf("listen on admin socket: %w", err)
	}
	return l, nil
}

// Handler serves the commands for a witness.
func Handler(w Witness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /logs", func(rw http.ResponseWriter, r *http.Request) {
		var logs []witness.Log
		if err := json.UnmarshalRead(http.MaxBytesReader(rw, r.Body, maxBody), &logs, json.RejectUnknownMembers(true)); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		changes, err := w.AddLogs(logs)
		reply(rw, changes, err)
	})
	mux.HandleFunc("DELETE /logs", func(rw http.ResponseWriter, r *http.Request) {
		reply(rw, nil, w.RemoveLog(r.URL.Query().Get("origin")))
	})
	mux.HandleFunc("GET /logs", func(rw http.ResponseWriter, r *http.Request) {
		err := w.Logs(func(s witness.Status) error {
			line, err := json.Marshal(s)
			if err == nil {
				_, err = rw.Write(append(line, '\n'))
			}
			return err
		})
		if err != nil {
			panic(http.ErrAbortHandler) // so that the client sees the list cut off
		}
	})
	mux.HandleFunc("POST /keys", func(rw http.ResponseWriter, r *http.Request) {
		vkeys, err := w.ReloadKeys()
		reply(rw, vkeys, err)
	})
	return mux
}

func reply(rw http.ResponseWriter, value any, err error) {
	if err == nil && value == nil {
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	if err == nil {
		err = json.MarshalWrite(rw, value)
	}
	switch {
	case errors.Is(err, witness.ErrNoLog):
		http.Error(rw, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
	}
}

// Remote does the commands on the witness that serves at a socket.
type Remote struct{ client *http.Client }

// Dial returns the witness that serves at the socket, or an error for which
// [NotServing] holds if none does.
func Dial(path string) (*Remote, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	return &Remote{&http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}}, nil
}

// NotServing reports whether err of Dial says that no witness serves.
func NotServing(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// AddLogs implements Witness.
func (r *Remote) AddLogs(logs []witness.Log) (changes []witness.Change, err error) {
	body, err := json.Marshal(logs)
	if err != nil {
		return nil, err
	}
	return changes, r.do(http.MethodPost, "/logs", string(body), &changes)
}

// RemoveLog implements Witness.
func (r *Remote) RemoveLog(origin string) error {
	return r.do(http.MethodDelete, "/logs?origin="+url.QueryEscape(origin), "", nil)
}

// ReloadKeys implements Witness.
func (r *Remote) ReloadKeys() (vkeys []string, err error) {
	return vkeys, r.do(http.MethodPost, "/keys", "", &vkeys)
}

// Logs implements Witness.
func (r *Remote) Logs(visit func(witness.Status) error) error {
	resp, err := r.client.Get("http://admin/logs")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was read to its end, or is of no use
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxBody)
	for lines.Scan() {
		var s witness.Status
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("read list of logs: %w", err)
		}
		if err := visit(s); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (r *Remote) do(method, path, body string, result any) error {
	req, err := http.NewRequest(method, "http://admin"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the serving witness: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it is read to its end
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return fmt.Errorf("ask the serving witness: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return errors.New(strings.TrimSpace(string(reply)))
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(reply, result)
}
