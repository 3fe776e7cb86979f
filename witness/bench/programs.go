package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// litewitnessVersion is the version of torchwood that is measured against.
const litewitnessVersion = "v0.10.0"

var ours, litewitness string

// build builds our program and installs litewitness unless it is there.
func build(dir, peers string) (err error) {
	ours = filepath.Join(dir, "receiptwitness")
	if err := command("", "go", "build", "-o", ours, "./cmd/receiptwitness"); err != nil {
		return err
	}
	if peers, err = filepath.Abs(peers); err != nil {
		return err
	}
	litewitness = filepath.Join(peers, "litewitness")
	have, _ := exec.Command("go", "version", "-m", litewitness).Output() // none, if it is not there
	if bytes.Contains(have, []byte("filippo.io/torchwood\t"+litewitnessVersion)) {
		return nil
	}
	return command("", "env", "GOBIN="+peers, "go", "install", "filippo.io/torchwood/cmd/litewitness@"+litewitnessVersion)
}

func command(stdin, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=auto")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// program is a witness that serves.
type program struct {
	address string
	cmd     *exec.Cmd
	others  []*exec.Cmd
}

func (p *program) stop() error {
	for _, cmd := range append(p.others, p.cmd) {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		_ = cmd.Wait() // ssh-agent ends with a status of its own
	}
	return nil
}

// rss returns the memory that the program has in use, in MiB.
func (p *program) rss() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) > 1 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no VmRSS")
}

func launch(dir, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := os.Create(filepath.Join(dir, filepath.Base(name)+".out"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, cmd.Start()
}

func await(what string, ok func() bool) error {
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not come up", what)
		}
	}
	return nil
}

func startOurs(dir string, origins map[string]string) (*program, error) {
	return startWitness(dir, origins, false)
}

func startOursEd25519(dir string, origins map[string]string) (*program, error) {
	return startWitness(dir, origins, true)
}

func startWitness(dir string, origins map[string]string, classicOnly bool) (*program, error) {
	dir = filepath.Join(dir, "w")
	if err := command("", ours, "init", "--dir", dir, "--name", "witness.example/ours"); err != nil {
		return nil, err
	}
	config := `{"name":"witness.example/ours","perLogPerSecond":0,"perClientPerSecond":0}`
	if err := os.WriteFile(filepath.Join(dir, "receiptwitness.json"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	if classicOnly {
		files, err := filepath.Glob(filepath.Join(dir, "keys", "ml-dsa-44-*.key"))
		if err != nil || len(files) != 1 {
			return nil, fmt.Errorf("%d keys to retire: %w", len(files), err)
		}
		id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(files[0]), "ml-dsa-44-"), ".key")
		if err := command("", ours, "keys", "retire", "--dir", dir, id); err != nil {
			return nil, err
		}
	}
	list := "logs/v0\n"
	for origin, vkey := range origins {
		list += "vkey " + vkey + "\norigin " + origin + "\n"
	}
	if err := command(list, ours, "add-log", "--dir", dir, "--list", "-"); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "address")
	cmd, err := launch(dir, ours, "serve", "--dir", dir, "--listen", "127.0.0.1:0", "--address-file", file)
	if err != nil {
		return nil, err
	}
	p := &program{cmd: cmd}
	return p, await("receiptwitness", func() bool {
		raw, err := os.ReadFile(file)
		p.address = strings.TrimSpace(string(raw))
		return err == nil
	})
}

// emptyRoot is the base64 of the root hash of the empty tree.
const emptyRoot = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// startAgent starts an ssh-agent that holds a fresh key, and returns the key's
// fingerprint.
func startAgent(dir, socket string) (agent *exec.Cmd, fingerprint string, err error) {
	key := filepath.Join(dir, "key")
	if err := command("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); err != nil {
		return nil, "", err
	}
	if agent, err = launch(dir, "ssh-agent", "-D", "-a", socket); err != nil {
		return nil, "", err
	}
	if err := await("ssh-agent", func() bool { _, err := os.Stat(socket); return err == nil }); err != nil {
		return nil, "", err
	}
	if err := command("", "env", "SSH_AUTH_SOCK="+socket, "ssh-add", "-q", key); err != nil {
		return nil, "", err
	}
	line, err := exec.Command("ssh-keygen", "-lf", key+".pub").Output()
	if err != nil {
		return nil, "", err
	}
	return agent, strings.Fields(string(line))[1], nil
}

func startLitewitness(dir string, origins map[string]string) (*program, error) {
	socket, db := filepath.Join(dir, "s"), filepath.Join(dir, "db")
	agent, fingerprint, err := startAgent(dir, socket)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &program{address: l.Addr().String(), others: []*exec.Cmd{agent}}
	if err := l.Close(); err != nil {
		return nil, err
	}
	p.cmd, err = launch(dir, litewitness, "-name", "witness.example/lite", "-db", db, "-ssh-agent", socket,
		"-key", fingerprint, "-listen", p.address)
	if err != nil {
		return nil, err
	}
	err = await("litewitness", func() bool {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	sql := "BEGIN;"
	for origin, vkey := range origins {
		sql += fmt.Sprintf("INSERT INTO log VALUES ('%s', 0, '%s'); INSERT INTO key VALUES ('%s', '%s');", origin, emptyRoot, origin, vkey)
	}
	return p, command(sql+"COMMIT;", "sqlite3", db)
}
