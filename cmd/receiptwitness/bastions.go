package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/witness/bastion"
)

// connect keeps connections to the configured bastions until ctx ends.
func (s *service) connect(ctx context.Context) error {
	if len(s.config.Bastions) == 0 {
		return nil
	}
	key, err := loadBastionKey(s.flags.dir)
	if err != nil {
		return err
	}
	roots, err := s.bastionRoots()
	if err != nil {
		return err
	}
	// SPEC https-bastion: the bastion removes all X-Forwarded-For and sends one.
	o := bastion.Options{Handler: s.handler(true), Key: key, Roots: roots, Connected: s.metrics.Bastion, Logger: s.log}
	for _, addr := range s.config.Bastions {
		s.metrics.Bastion(addr, false)
		s.running.Go(func() {
			if err := bastion.Serve(ctx, addr, o); err != nil {
				s.fail(err)
			}
		})
	}
	return nil
}

func (s *service) bastionRoots() (*x509.CertPool, error) {
	if s.flags.bastionRoots == "" {
		return nil, nil
	}
	data, err := os.ReadFile(s.flags.bastionRoots)
	if err != nil {
		return nil, exit.With(exit.Usage, err, "")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, exit.With(exit.Usage, fmt.Errorf("%s has no certificate", s.flags.bastionRoots), "")
	}
	return pool, nil
}
