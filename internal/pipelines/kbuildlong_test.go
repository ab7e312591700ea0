//go:build pipelines && long

package pipelines

// From 6.6 on debian/rules runs debhelper for each package, and the spec is a
// template whose packages lie below the tree; 7.x has a debuginfo package.
func init() {
	packagings = append(packagings, packaging{"trixie-security", `^linux-source-6\.12$`}, packaging{"sid", `^linux-source-[0-9.]+$`})
}
