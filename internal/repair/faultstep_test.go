//go:build !e2e

package repair

// faultStep: the quick tests put a fault at every seventeenth operation of a
// tree, `make e2e` at each.
const faultStep = 17
