package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrNotPublic says that a name led to an address that is not for strangers to
// reach through us.
var ErrNotPublic = errors.New("the address is not public")

// notPublic are the parts of the IPv4 space that the IANA special-purpose
// registry holds to be anything but globally reachable, multicast, and the
// relays of 6to4.
var notPublic = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carrier-grade NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, cloud metadata services among it
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast
)

// globalUnicast is the only part of the IPv6 space that is given out to sites.
// Loopback, link-local, unique local, site-local, multicast, NAT64 and
// IPv4-compatible addresses all lie outside.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// notPublic6 are the exceptions within [globalUnicast].
var notPublic6 = prefixes(
	"2001::/23",     // protocol assignments: Teredo, ORCHID, benchmarks
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, which carries any IPv4 address
	"3fff::/20",     // documentation
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// IsPublic reports whether an address is one that anybody could connect to
// from anywhere. An IPv4 address mapped into IPv6 is judged as what it is.
func IsPublic(addr netip.Addr) bool {
	addr = addr.Unmap()
	exceptions := notPublic6
	if addr.Is4() {
		exceptions = notPublic
	} else if !globalUnicast.Contains(addr) {
		return false
	}
	for _, p := range exceptions {
		if p.Contains(addr) {
			return false
		}
	}
	return addr.IsValid() && addr.Zone() == ""
}

// onlyPublic is the Control function of the dialer: it runs with the very
// address that connect is about to be called with.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotPublic, err)
	}
	if !IsPublic(at.Addr()) {
		return ErrNotPublic
	}
	return nil
}
