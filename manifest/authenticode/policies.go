package authenticode

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"math"
)

const anyPolicy = "2.5.29.32.0"

// policyState is what is known about certificate policies on the way from the root
// to the signer (RFC 5280, 6.1).
type policyState struct {
	valid           map[string]bool // policies that hold so far
	any             bool            // every policy holds so far
	explicit        int             // certificates until a policy is required
	mapping, anyFor int             // certificates until mappings, the policy for all, no longer count
}

// refusePolicies returns why the certificate policies of the chain, signer first, do
// not do, or "". Policies matter only where an authority requires one.
func refusePolicies(chain []*x509.Certificate) string {
	s := policyState{any: true, explicit: math.MaxInt, mapping: math.MaxInt, anyFor: math.MaxInt}
	for i := len(chain) - 1; i >= 0; i-- {
		c := chain[i]
		selfIssued := bytes.Equal(c.RawSubject, c.RawIssuer)
		if i < len(chain)-1 { // what the root itself says holds from there on
			s.intersect(c, selfIssued && i > 0)
		}
		if s.explicit == 0 && !s.any && len(s.valid) == 0 {
			return fmt.Sprintf("the certificate of %s has none of the policies that an authority above it requires", nameOf(c))
		}
		s.next(c, selfIssued, i == 0)
		if s.explicit == 0 && i == 0 && !s.any && len(s.valid) == 0 {
			return fmt.Sprintf("the certificate of %s has no policy, which it requires itself", nameOf(c))
		}
	}
	return ""
}

// intersect keeps the policies that hold for c too.
func (s *policyState) intersect(c *x509.Certificate, selfIssued bool) {
	own, forAll := make(map[string]bool), false
	for _, p := range c.Policies {
		if p.String() == anyPolicy {
			forAll = s.anyFor > 0 || selfIssued
			continue
		}
		own[p.String()] = true
	}
	switch {
	case s.any:
		s.valid, s.any = own, forAll
	case !forAll:
		maps.DeleteFunc(s.valid, func(p string, _ bool) bool { return !own[p] })
	}
}

// next applies what c says about the certificates below it.
func (s *policyState) next(c *x509.Certificate, selfIssued, last bool) {
	if !last {
		s.mapPolicies(c)
	}
	if !selfIssued || last {
		for _, count := range []*int{&s.explicit, &s.mapping, &s.anyFor} {
			if *count > 0 && *count < math.MaxInt {
				*count--
			}
		}
	}
	lower := func(count *int, value int, zero bool) {
		if value > 0 || zero {
			*count = min(*count, value)
		}
	}
	if last {
		if c.RequireExplicitPolicyZero {
			s.explicit = 0
		}
		return
	}
	lower(&s.explicit, c.RequireExplicitPolicy, c.RequireExplicitPolicyZero)
	lower(&s.mapping, c.InhibitPolicyMapping, c.InhibitPolicyMappingZero)
	lower(&s.anyFor, c.InhibitAnyPolicy, c.InhibitAnyPolicyZero)
}

// mapPolicies replaces the policies that c calls otherwise below it.
func (s *policyState) mapPolicies(c *x509.Certificate) {
	below := make(map[string]bool)
	replaced := make(map[string]bool)
	for _, m := range c.PolicyMappings {
		from, to := m.IssuerDomainPolicy.String(), m.SubjectDomainPolicy.String()
		if s.valid[from] {
			replaced[from] = true
			if s.mapping > 0 {
				below[to] = true
			}
		}
	}
	maps.DeleteFunc(s.valid, func(p string, _ bool) bool { return replaced[p] })
	maps.Copy(s.valid, below)
}
