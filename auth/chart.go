package auth

import "context"

// Chart is what the pages ask about the record: the server answers from its store,
// as whoever the context says (With), so that nobody finds what he may not see.
type Chart interface {
	// Patients gives at most limit patients whose names or identifiers meet a text, in
	// the order of their names; "" is met by all.
	Patients(ctx context.Context, text string, limit int) ([]Entity, error)
	// Encounters gives at most limit encounters of a patient, the latest first.
	Encounters(ctx context.Context, patient string, limit int) ([]Entity, error)
	// Entity is the resource of a type and id; ok is false when there is none, or it
	// may not be seen.
	Entity(ctx context.Context, typ, id string) (e Entity, ok bool, err error)
}

// Entity is a resource as somebody picks it from a list.
type Entity struct {
	ID string
	// Title is such as a name, Detail what tells two of the same title apart.
	Title, Detail string
	// Patient is the id of the patient that it is about; "" for none.
	Patient string
}

// seenBy is a context in which the Chart is asked as a user: what he may see at
// most, whatever an app asks for.
func seenBy(ctx context.Context, u *User) context.Context {
	scopes := Scopes{{Level: UserLevel, Type: "Patient", Rights: Read | Search}, {Level: UserLevel, Type: "Encounter", Rights: Read | Search}}
	return With(ctx, Access{User: u.Name, FHIRUser: u.FHIRUser, Role: u.Role, Scopes: scopes})
}

// seenByServer is a context in which the Chart is asked by this server itself.
func seenByServer(ctx context.Context) context.Context {
	return With(ctx, Access{Scopes: Scopes{{Level: SystemLevel, Type: "*", Rights: Read | Search}}})
}
