package health

import "strings"

// uses are what programs of a kind call kfuncs for, by how the kfuncs are called.
// The first that fits counts.
var uses = []struct{ prefix, what string }{
	{"scx_bpf_", "sched_ext schedulers do not load"},
	{"bpf_ct_", "XDP and tc programs that look up, change or make connections (a flag that is wrong lets them leak or free one)"},
	{"bpf_skb_ct_", "XDP and tc programs that look up, change or make connections (a flag that is wrong lets them leak or free one)"},
	{"bpf_xdp_ct_", "XDP and tc programs that look up, change or make connections (a flag that is wrong lets them leak or free one)"},
	{"bpf_xdp_flow_lookup", "XDP programs that look up flows"},
	{"bpf_xdp_metadata_", "XDP programs that read metadata of packets"},
	{"bpf_skb_", "tc programs for tunnels and sockets"},
	{"bpf_sock_", "programs that walk over sockets"},
	{"hid_bpf_", "HID-BPF, the corrections of input devices"},
	{"bpf_cgroup_", "programs about control groups"},
	{"cgroup_rstat_", "programs about control groups"},
	{"bpf_task_", "tracing programs that hold on to tasks"},
	{"bpf_cpumask_", "programs that work with CPU masks"},
	{"bpf_iter_", "open-coded iterators"},
	{"bpf_dynptr_", "programs that use dynptrs"},
	{"bbr_", "congestion control by bpf that builds on BBR"},
	{"dctcp_", "congestion control by bpf that builds on DCTCP"},
	{"cubictcp_", "congestion control by bpf that builds on CUBIC"},
	{"tcp_", "congestion control by bpf"},
}

// Lost says what does not work without some kfuncs, each once, in the order of
// the table; "" where the names do not tell.
func Lost(names []string) string {
	var out []string
	for i, u := range uses {
		if i > 0 && uses[i-1].what == u.what && len(out) > 0 && out[len(out)-1] == u.what {
			continue
		}
		for _, name := range names {
			if strings.HasPrefix(name, u.prefix) {
				out = append(out, u.what)
				break
			}
		}
	}
	return strings.Join(out, "; ")
}
