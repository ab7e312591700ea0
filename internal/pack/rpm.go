package pack

import "kpkg-btf/internal/where"

func (p *Package) openRpm() error {
	return where.New(where.Unsupported, "rpm packages are not read by this build")
}
