//go:build long && !race

package audit

func init() { rounds, all = 100, 100000 }
