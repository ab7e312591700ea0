package ask

import (
	"math"
	"strconv"
	"strings"

	"kpkg-btf/internal/where"
)

// Size reads a number of bytes, "20G": K, M, G and T are powers of 1000.
func Size(text string) (int64, error) {
	number, unit := text, int64(1)
	for letter, n := range map[string]int64{"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} {
		if cut, ok := strings.CutSuffix(text, letter); ok {
			number, unit = cut, n
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, where.New(where.Usage, "%s is not a size: give bytes, or a number with K, M, G or T", where.Clean(text))
	}
	return n * unit, nil
}
