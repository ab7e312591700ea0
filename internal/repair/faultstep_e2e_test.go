//go:build e2e

package repair

const faultStep = 1
