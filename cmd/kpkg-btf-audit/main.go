// Command kpkg-btf-audit plans, runs and merges audits for kpkg-btf audit, so
// that stores and SQLite stay out of the gate; see ARCHITECTURE.md.
package main

import (
	"os"

	"kpkg-btf/internal/audit"
)

func main() { os.Exit(audit.Run()) }
