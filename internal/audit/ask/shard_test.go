package ask

import (
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

func TestShardOf(t *testing.T) {
	for _, c := range []struct {
		flag  string
		total int
		env   string
		want  Shard
		fault string
	}{
		{"", 0, "", Shard{1, 1}, ""},
		{"2/3", 0, "CI_NODE_INDEX=9 CI_NODE_TOTAL=9", Shard{2, 3}, ""},
		{"2", 3, "", Shard{2, 3}, ""},
		{"2", 0, "", Shard{}, "give I/N"},
		{"0/3", 0, "", Shard{}, "is none"},
		{"4/3", 0, "", Shard{}, "is none"},
		{"x/3", 0, "", Shard{}, "give I/N"},
		{"1/3", 4, "", Shard{}, "disagree"},
		{"", 4, "", Shard{}, "nothing says"},
		{"", 0, "CI_NODE_INDEX=2 CI_NODE_TOTAL=5", Shard{2, 5}, ""},
		{"", 4, "CI_NODE_INDEX=2 CI_NODE_TOTAL=5", Shard{}, "CI_NODE_TOTAL is 5"},
		{"", 0, "CI_NODE_TOTAL=1", Shard{1, 1}, ""},
		{"", 0, "CI_NODE_INDEX=2", Shard{}, "CI_NODE_TOTAL"},
		{"", 0, "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=2", Shard{1, 2}, ""},
		{"", 0, "SLURM_ARRAY_TASK_ID=15 SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_STEP=5", Shard{3, 3}, ""},
		{"", 0, "SLURM_ARRAY_TASK_ID=16 SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_STEP=5", Shard{}, "no step"},
		{"", 9, "SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=1", Shard{4, 9}, ""},
		{"", 0, "SLURM_ARRAY_TASK_ID=x", Shard{}, "not a number"},
		{"", 0, "JOB_COMPLETION_INDEX=0", Shard{}, "--shards N"},
		{"", 3, "JOB_COMPLETION_INDEX=0", Shard{1, 3}, ""},
		{"", 3, "JOB_COMPLETION_INDEX=3", Shard{}, "is none"},
	} {
		env := map[string]string{}
		for _, e := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(e, "=")
			env[name] = value
		}
		got, err := ShardOf(c.flag, c.total, func(name string) string { return env[name] })
		switch {
		case c.fault == "" && (err != nil || got != c.want):
			t.Errorf("%+v: %v, %v", c, got, err)
		case c.fault != "" && (where.KindOf(err) != where.Usage || !strings.Contains(err.Error()+where.HintOf(err), c.fault)):
			t.Errorf("%+v: %v", c, err)
		}
	}
}
