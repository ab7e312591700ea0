package ask

import (
	"strconv"
	"strings"

	"kpkg-btf/internal/where"
)

// Shard is one share of a plan: Index of Total, from 1.
type Shard struct {
	Index int `json:"index"`
	Total int `json:"total"`
}

// maxShards is far above any array of jobs.
const maxShards = 1000000

// ShardOf reads a share: of the flags "I/N", or "I" with a total, else of what the
// engine tells its jobs in the environment. Neither is the whole plan.
func ShardOf(flag string, total int, getenv func(string) string) (Shard, error) {
	if flag != "" {
		return fromFlag(flag, total)
	}
	for _, e := range engines {
		if s, ok, err := e(getenv, total); ok || err != nil {
			return s, err
		}
	}
	if total > 1 {
		return Shard{}, where.New(where.Usage, "--shards %d: nothing says which of them this is", total).
			WithHint("give --shard I/%d; of an engine CI_NODE_INDEX, SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX is read", total)
	}
	return Shard{1, 1}, nil
}

func fromFlag(flag string, total int) (Shard, error) {
	index, of, both := strings.Cut(flag, "/")
	i, err := strconv.Atoi(index)
	n := total
	if both && err == nil {
		n, err = strconv.Atoi(of)
	}
	if err != nil || !both && total == 0 {
		return Shard{}, where.New(where.Usage, "--shard %s: give I/N, the share and how many there are", where.Clean(flag))
	}
	if both && total != 0 && total != n {
		return Shard{}, where.New(where.Usage, "--shard %s and --shards %d disagree", where.Clean(flag), total)
	}
	return Shard{i, n}.valid("--shard " + flag)
}

func (s Shard) valid(what string) (Shard, error) {
	if s.Total < 1 || s.Total > maxShards || s.Index < 1 || s.Index > s.Total {
		return s, where.New(where.Usage, "%s: share %d of %d is none", where.Clean(what), s.Index, s.Total)
	}
	return s, nil
}

// An engine reads the variables of one kind of job array; ok is false where they
// are not set. total is that of --shards, 0 when not given.
type engine func(getenv func(string) string, total int) (s Shard, ok bool, err error)

// engines are asked in this order.
var engines = []engine{slurm, indexedJob, gitlab}

// slurm: the ids of an array begin anywhere and may have steps.
func slurm(getenv func(string) string, total int) (Shard, bool, error) {
	const what = "SLURM_ARRAY_TASK_ID"
	if getenv(what) == "" {
		return Shard{}, false, nil
	}
	id, err := numbers(getenv, what, "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT")
	if err != nil {
		return Shard{}, false, err
	}
	step := 1
	if getenv("SLURM_ARRAY_TASK_STEP") != "" {
		n, err := numbers(getenv, "SLURM_ARRAY_TASK_STEP")
		if err != nil {
			return Shard{}, false, err
		}
		step = max(n[0], 1)
	}
	if total != 0 {
		id[2] = total // an array of which only some tasks are run again
	}
	if (id[0]-id[1])%step != 0 {
		return Shard{}, false, where.New(where.Usage, "%s is %d, which no step of %d from %d reaches", what, id[0], step, id[1])
	}
	s, err := Shard{(id[0]-id[1])/step + 1, id[2]}.valid(what)
	return s, true, err
}

// indexedJob: Kubernetes counts from 0 and does not say how many there are.
func indexedJob(getenv func(string) string, total int) (Shard, bool, error) {
	const what = "JOB_COMPLETION_INDEX"
	if getenv(what) == "" {
		return Shard{}, false, nil
	}
	n, err := numbers(getenv, what)
	if err != nil {
		return Shard{}, false, err
	}
	if total == 0 {
		return Shard{}, false, where.New(where.Usage, "%s does not say of how many: give --shards N, the completions of the job", what)
	}
	s, err := Shard{n[0] + 1, total}.valid(what)
	return s, true, err
}

// gitlab counts from 1. Jobs without `parallel` have CI_NODE_TOTAL alone.
func gitlab(getenv func(string) string, total int) (Shard, bool, error) {
	if getenv("CI_NODE_INDEX") == "" {
		return Shard{}, false, nil
	}
	n, err := numbers(getenv, "CI_NODE_INDEX", "CI_NODE_TOTAL")
	if err != nil {
		return Shard{}, false, err
	}
	if total != 0 && total != n[1] {
		return Shard{}, false, where.New(where.Usage, "CI_NODE_TOTAL is %d, --shards %d", n[1], total)
	}
	s, err := Shard{n[0], n[1]}.valid("CI_NODE_INDEX")
	return s, true, err
}

func numbers(getenv func(string) string, names ...string) ([]int, error) {
	var out []int
	for _, name := range names {
		n, err := strconv.Atoi(getenv(name))
		if err != nil || n < 0 {
			return nil, where.New(where.Usage, "%s is %q, not a number", name, where.Clean(getenv(name)))
		}
		out = append(out, n)
	}
	return out, nil
}
