package auth

import "context"

type accessKey struct{}

// With is a context in which a caller acts with an access.
func With(ctx context.Context, a Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// From gives the access in a context; ok is false when nobody was let in.
func From(ctx context.Context) (a Access, ok bool) {
	a, ok = ctx.Value(accessKey{}).(Access)
	return a, ok
}
