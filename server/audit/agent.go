package audit

import (
	"context"
	"time"

	"github.com/google/uuid"

	"vitalwire/auth"
	"vitalwire/server/telemetry"
)

// Circumstances are what is known of why a caller asks.
type Circumstances struct {
	// Purposes are codes of v3-ActReason, such as TREAT or BTG.
	Purposes []string
	// Name of who is no caller by HTTP, such as "MLLP".
	Name string
}

type circumstancesKey struct{}

// Amid is a context in which all events have those circumstances.
func Amid(ctx context.Context, c Circumstances) context.Context {
	return context.WithValue(ctx, circumstancesKey{}, c)
}

func circumstances(ctx context.Context) Circumstances {
	c, _ := ctx.Value(circumstancesKey{}).(Circumstances)
	return c
}

// begin makes an event of now, by the caller in a context.
func begin(ctx context.Context, kind Kind) (*Event, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	call, why := telemetry.CallOf(ctx), circumstances(ctx)
	call.Told.Store(true)
	e := &Event{ID: id.String(), At: time.Now(), Kind: kind, Purposes: why.Purposes, Request: call.ID,
		Agent: Agent{Address: call.Address, Name: why.Name}}
	if access, ok := auth.From(ctx); ok {
		e.Agent.Client, e.Agent.User, e.Agent.FHIRUser = access.Client, access.User, access.FHIRUser
		e.Agent.Role, e.Agent.Token = string(access.Role), access.ID
		if len(e.Purposes) == 0 && len(access.Purposes) > 0 {
			e.Purposes = access.Purposes
		}
	}
	return e, nil
}
