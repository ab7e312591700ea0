//go:build e2e

package health_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
)

// broken72 are the kfuncs of Debian's 7.2.11-1~bpo13+1 that keep their implicit
// argument: no sched_ext scheduler loads on it.
var broken72 = []string{
	"scx_bpf_cid_curr", "scx_bpf_cid_override", "scx_bpf_cid_to_cpu", "scx_bpf_cid_topo", "scx_bpf_cidperf_cap", "scx_bpf_cidperf_cur",
	"scx_bpf_cidperf_set", "scx_bpf_cpu_curr", "scx_bpf_cpu_node", "scx_bpf_cpu_rq", "scx_bpf_cpu_to_cid", "scx_bpf_cpuperf_cap",
	"scx_bpf_cpuperf_cur", "scx_bpf_cpuperf_set", "scx_bpf_create_dsq", "scx_bpf_destroy_dsq", "scx_bpf_dispatch_cancel",
	"scx_bpf_dispatch_nr_slots", "scx_bpf_dsq_move_to_local___v2", "scx_bpf_dsq_nr_queued", "scx_bpf_dsq_peek", "scx_bpf_dsq_reenq",
	"scx_bpf_dump_bstr", "scx_bpf_error_bstr", "scx_bpf_task_set_dsq_vtime", "scx_bpf_task_set_slice",
}

// TestKfuncsOfDebian: exactly those, and in no other image of Debian's any fault.
// Before 6.9 an image without symbols does not show its sets.
func TestKfuncsOfDebian(t *testing.T) {
	for _, c := range []struct {
		spec     string
		sets     int
		kfuncs   int
		broken   []string
		untagged string
	}{
		{"trixie-backports/linux-binary-7.2.11+deb13-amd64=7.2.11-1~bpo13+1", 41, 346, broken72, "bpf_sock_destroy"},
		{realtest.Image72("amd64"), 41, 346, nil, ""},
		{realtest.Image72("arm64"), 41, 346, nil, ""},
		{realtest.Image72("s390x"), 23, 177, nil, ""},
		{realtest.Image73, 44, 356, nil, ""},
		{realtest.PairBNew, 23, 133, nil, ""},
		{realtest.PairANew, 0, 0, nil, ""},
	} {
		t.Run(c.spec, func(t *testing.T) {
			im, err := kimage.Parse(t.Context(), realtest.Member(t, realtest.Deb(t, c.spec), "vmlinuz*"), kimage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			base, err := btf.Parse(im.BTF)
			if err != nil {
				t.Fatal(err)
			}
			tags := health.TagsOf(base)
			list := health.Kfuncs(base, im.KfuncSets, tags, len(tags) > 0)
			if len(im.KfuncSets) != c.sets || len(list) != c.kfuncs {
				t.Errorf("%d kfuncs in %d sets", len(list), len(im.KfuncSets))
			}
			want := map[string]bool{}
			for _, name := range c.broken {
				want[name] = true
			}
			found := map[string]bool{}
			for i := range list {
				k := &list[i]
				implicit, bare := k.Is(health.Implicit), k.Is(health.Untagged)
				switch {
				case len(k.Wrong) == 0:
				case want[k.Name] && implicit && bare && len(k.Wrong) == 2:
					found[k.Name] = true
				case k.Name == c.untagged && bare && len(k.Wrong) == 1:
				default:
					t.Errorf("%s, flags %s: %+v", k.Name, health.FlagNames(k.Flags), k.Wrong)
				}
			}
			if len(found) != len(want) {
				t.Errorf("%d of the %d that are broken were found", len(found), len(want))
			}
		})
	}
}
