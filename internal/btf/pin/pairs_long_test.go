//go:build long

package pin_test

import (
	"testing"

	"kpkg-btf/internal/realtest"
)

// TestPairsWithSlack: stable releases of one series. The older base gets its
// slack first, and its modules are carried to that.
func TestPairsWithSlack(t *testing.T) {
	const older72, newer72 = "7.2.11+deb13-amd64=7.2.11-1~bpo13+1", "7.2.12+deb13-amd64=7.2.12-1~bpo13+1"
	seven := func(v string) []string {
		return []string{"trixie-backports/linux-binary-" + v, "trixie-backports/linux-modules-" + v}
	}
	for _, p := range []pair{
		{"6.1.190 to 192", []string{realtest.PairCOld}, []string{realtest.PairAOld}, [3]int{6, 1, 190}, 4096, false},
		{"7.2", seven(older72), seven(newer72), [3]int{7, 2, 11}, 9808, false},
	} {
		t.Run(p.name, func(t *testing.T) { carry(t, p) })
	}
}
