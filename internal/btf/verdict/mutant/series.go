package mutant

import (
	"fmt"

	"kpkg-btf/internal/btf"
)

// Series are n mutants of modules on a base and, for a kernel that honours
// .BTF.base, a third as many again with one.
func Series(seed uint64, n int, blobs [][]byte, base *btf.Raw, distilled bool) []Mutant {
	out := make([]Mutant, 0, n+n/3+1)
	twins := Twins(base)
	for i := range n {
		out = append(out, Make(seed, i, blobs, base))
		if distilled && i%3 == 0 {
			out = append(out, Distil(seed, i, base, twins))
		}
	}
	return out
}

// What is asked of the first refusals of a series: each rule often enough, and
// enough that is accepted.
const (
	each     = 5
	accepted = 5 // one in so many
)

// Uneven says what a histogram of first refusals ("" counts the accepted)
// lacks, for the rules that can be broken.
func Uneven(hist map[string]int, rules []string) (out []string) {
	total := 0
	for _, n := range hist {
		total += n
	}
	if total == 0 || hist[""]*accepted < total {
		out = append(out, fmt.Sprintf("%d of %d accepted: fewer than one in %d", hist[""], total, accepted))
	}
	for _, rule := range rules {
		if hist[rule] < each {
			out = append(out, fmt.Sprintf("%s was the first refusal %d times of %d", rule, hist[rule], total))
		}
	}
	return out
}
