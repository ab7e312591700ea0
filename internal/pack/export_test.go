package pack

import "context"

// Open opens what lies at a path.
func Open(ctx context.Context, path string, o Options) (*Package, error) {
	return openAt(ctx, path, path, o)
}
