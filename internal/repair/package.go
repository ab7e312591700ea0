package repair

import (
	"context"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// publishPackage writes one package anew.
func (j *job) publishPackage(_ context.Context, p *placed, _ *model.RepairOutput) error {
	return where.In(p.input.Path, where.New(where.Unsupported, "a %s is not rewritten yet", p.kind).WithHint("unpack it, apply --in-place, pack it again"))
}
