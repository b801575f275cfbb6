package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"vitalwire/auth"
)

// userCommands are about people who sign in. They work on the store itself, as
// those about clients do: so the first administrator is made, and a forgotten
// password replaced.
type userCommands struct {
	Add struct {
		Name       string `arg:"" help:"Login name."`
		Role       string `required:"" enum:"patient,practitioner,privacy-officer,device-manager,admin" placeholder:"ROLE" help:"patient, practitioner, privacy-officer, device-manager or admin."`
		FHIRUser   string `name:"fhir-user" placeholder:"REFERENCE" help:"Who this is in the record, such as Practitioner/1; of a patient, Patient/1."`
		Display    string `placeholder:"TEXT" help:"Name for people."`
		Stdin      bool   `name:"password-stdin" help:"Read the password from standard input instead of making one."`
		BreakGlass bool   `help:"May see in an emergency what Consents keep back but for that, with a reason."`
		External   string `placeholder:"ISSUER" help:"Sign in at this OpenID provider, by the claim that --oidc-user-claim names; no password is kept."`
	} `cmd:"" help:"Add a user. The password is made and printed once."`
	Set struct {
		Name       string `arg:"" help:"Login name."`
		BreakGlass bool   `negatable:"" required:"" help:"May see in an emergency what Consents keep back but for that, with a reason; --no-break-glass takes it away."`
	} `cmd:"" help:"Give a user the privilege to break the glass, or take it away."`
	List     struct{} `cmd:"" help:"List the users."`
	Password struct {
		Name  string `arg:"" help:"Login name."`
		Stdin bool   `name:"password-stdin" help:"Read it from standard input instead of making one."`
	} `cmd:"" help:"Give a user another password, which is made and printed once, and sign him out everywhere."`
	Disable struct {
		Name string `arg:"" help:"Login name."`
	} `cmd:"" help:"Keep a user out, and stop what he let apps do, until he is enabled."`
	Enable struct {
		Name string `arg:"" help:"Login name."`
	} `cmd:"" help:"Let a disabled user in again."`
	Remove struct {
		Name string `arg:"" help:"Login name."`
	} `cmd:"" help:"Remove a user, and the use of what he let apps do."`
}

// passwordOf reads a password from the first line of in, or makes one, which made
// says.
func passwordOf(stdin bool, in io.Reader) (password string, made bool, err error) {
	if !stdin {
		return auth.GeneratePassword(), true, nil
	}
	if in == nil {
		return "", false, errors.New("--password-stdin: there is no standard input")
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, err
	}
	return strings.TrimRight(line, "\r\n"), false, nil
}

func addUser(ctx context.Context, c Config, p userCommands, in io.Reader, out io.Writer) error {
	u := auth.User{Name: p.Add.Name, Display: p.Add.Display, Role: auth.Role(p.Add.Role), FHIRUser: p.Add.FHIRUser, BreaksGlass: p.Add.BreakGlass, Issuer: p.Add.External}
	password, made := "", false
	if u.Issuer == "" {
		var err error
		if password, made, err = passwordOf(p.Add.Stdin, in); err != nil {
			return err
		}
	}
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		if err := a.AddUser(ctx, u, password); err != nil {
			return err
		}
		fmt.Fprintf(out, "User %s is added, with the role %s.\n", strings.ToLower(u.Name), u.Role)
		tell(out, password, made)
		return nil
	})
}

// tell prints a password that was made.
func tell(out io.Writer, password string, made bool) {
	if made {
		fmt.Fprintf(out, "The password, which is not shown again:\n%s\n", password)
	}
}

func listUsers(ctx context.Context, c Config, out io.Writer) error {
	const page = 500
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		for after := ""; ; {
			users, err := a.Users(ctx, after, page)
			if err != nil {
				return err
			}
			for _, u := range users {
				after = u.Name
				state := "enabled"
				if u.Disabled {
					state = "disabled"
				}
				fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", u.Name, u.Role, state, u.FHIRUser, u.Display)
			}
			if len(users) < page {
				return nil
			}
		}
	})
}

func setPassword(ctx context.Context, c Config, p userCommands, in io.Reader, out io.Writer) error {
	password, made, err := passwordOf(p.Password.Stdin, in)
	if err != nil {
		return err
	}
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		if err := a.SetPassword(ctx, p.Password.Name, password); err != nil {
			return err
		}
		fmt.Fprintf(out, "User %s has another password, and is signed out everywhere.\n", p.Password.Name)
		tell(out, password, made)
		return nil
	})
}

func setUser(ctx context.Context, c Config, p userCommands, out io.Writer) error {
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		err := a.ChangeUser(ctx, p.Set.Name, func(u *auth.User) { u.BreaksGlass = p.Set.BreakGlass })
		if err == nil && p.Set.BreakGlass {
			fmt.Fprintf(out, "User %s may break the glass.\n", p.Set.Name)
		} else if err == nil {
			fmt.Fprintf(out, "User %s may not break the glass.\n", p.Set.Name)
		}
		return err
	})
}

func disableUser(ctx context.Context, c Config, name string, disabled bool, out io.Writer) error {
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		err := a.ChangeUser(ctx, name, func(u *auth.User) { u.Disabled = disabled })
		if err != nil {
			return err
		}
		if disabled {
			fmt.Fprintf(out, "User %s is disabled.\n", name)
		} else {
			fmt.Fprintf(out, "User %s is enabled.\n", name)
		}
		return nil
	})
}

func removeUser(ctx context.Context, c Config, name string, out io.Writer) error {
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		err := a.RemoveUser(ctx, name)
		if err == nil {
			fmt.Fprintf(out, "User %s is removed.\n", name)
		}
		return err
	})
}
