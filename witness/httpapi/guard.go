package httpapi

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Requests that run at once. Together they bound the memory that bodies take (64
// MiB); the share of one client keeps it from starving the rest by sending its
// bodies slowly.
const (
	maxAtOnce       = 512
	maxClientAtOnce = 128
)

// slots counts the requests that run, of each client and in all.
type slots struct {
	mu      sync.Mutex
	all     int
	clients map[string]int // only those with requests running
}

func (s *slots) take(client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxAtOnce || s.clients[client] >= maxClientAtOnce {
		return false
	}
	s.all++
	s.clients[client]++
	return true
}

func (s *slots) release(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.clients[client]--; s.clients[client] == 0 {
		delete(s.clients, client)
	}
}

// guard lets a request through if its client has not asked too often and there is
// room for one more.
func (a *API) guard(forwarded bool, serve http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		who := client(r, forwarded)
		if wait, ok := a.clients.Take(who); !ok {
			retryLater(rw, http.StatusTooManyRequests, wait, "too many requests from your address")
			return
		}
		if !a.slots.take(who) {
			retryLater(rw, http.StatusServiceUnavailable, time.Second, "too many requests at once")
			return
		}
		defer a.slots.release(who)
		serve(rw, r)
	}
}

// client names the client of a request for the limiter: an IPv4 address, or the
// 64-bit network of an IPv6 one, since that is what one party is given.
func client(r *http.Request, forwarded bool) string {
	addr := r.RemoteAddr
	if forwarded {
		// The proxy appends the address it saw; what stands before is hearsay.
		all := r.Header.Values("X-Forwarded-For")
		if len(all) != 0 {
			last := all[len(all)-1]
			addr = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		}
	}
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		ap, err := netip.ParseAddrPort(addr)
		if err != nil {
			return "unknown"
		}
		ip = ap.Addr()
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	net, err := ip.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return net.String()
}

func retryLater(rw http.ResponseWriter, status int, wait time.Duration, detail string) {
	rw.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(wait, time.Second).Seconds()))))
	http.Error(rw, detail, status)
}
