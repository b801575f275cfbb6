package audit

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// The code systems of R4, DICOM and BALP.
const (
	systemEvent      = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	systemREST       = "http://hl7.org/fhir/restful-interaction"
	systemDICOM      = "http://dicom.nema.org/resources/ontology/DCM"
	systemIHE        = "urn:ihe:event-type-code"
	systemParticipe  = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemProvenance = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	systemRoleClass  = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
	systemSecurity   = "http://terminology.hl7.org/CodeSystem/extra-security-role-type"
	systemUserAgent  = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes"
	systemAuthZ      = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
	systemEntity     = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	systemBasic      = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	systemObject     = "http://terminology.hl7.org/CodeSystem/object-role"
	systemTypes      = "http://hl7.org/fhir/resource-types"
	systemSource     = "http://terminology.hl7.org/CodeSystem/security-source-type"
	systemOperation  = "urn:vitalwire:operation"
	systemOwn        = "urn:vitalwire:audit-event"

	balp = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE."
)

// tokenPolicy is what the id of an access token follows in agent.policy.
const tokenPolicy = "urn:vitalwire:token:" //nolint:gosec // no secret: a token is named by it

// The tag by which the server knows its own: no client may write it.
const (
	tagSystem = "urn:vitalwire:audit"
	tagCode   = "server"
	// tagPermit marks decisions that permitted, which say nothing that the access does not.
	tagPermit = "permit"
)

// Source is the server as its AuditEvents name it.
type Source struct {
	// Base is the FHIR base.
	Base string
}

// observer is who saw the events: no client may name it.
func (s Source) observer() *fhir.Element {
	return fhir.NewObject(fhir.M("identifier", fhir.NewObject(fhir.S("system", "urn:ietf:rfc:3986"), fhir.S("value", s.Base))), fhir.S("display", "Vitalwire"))
}

func coding(system, code string) *fhir.Element {
	return fhir.NewObject(fhir.S("system", system), fhir.S("code", code))
}

func concept(codings ...*fhir.Element) *fhir.Element {
	return fhir.NewObject(fhir.M("coding", fhir.NewArray(codings...)))
}

func list(items ...*fhir.Element) *fhir.Element { return fhir.NewArray(items...) }

func identified(system, value string) *fhir.Element {
	id := fhir.NewObject()
	if system != "" {
		id.Set("system", fhir.NewString(system))
	}
	id.Set("value", fhir.NewString(value))
	return fhir.NewObject(fhir.M("identifier", id))
}

func reference(to string) *fhir.Element { return fhir.NewObject(fhir.S("reference", to)) }

// pattern is what the AuditEvents of a kind have in common.
type pattern struct {
	typ            *fhir.Element
	subtypes       []*fhir.Element
	action         string
	client, server *fhir.Element // roles
	profile        string        // BALP profile without "Patient"; "" for none
}

func rest(action, profile, client string, server *fhir.Element, codes ...string) pattern {
	p := pattern{typ: coding(systemEvent, "rest"), action: action, profile: profile, client: coding(systemDICOM, client), server: server}
	for _, code := range codes {
		p.subtypes = append(p.subtypes, coding(systemREST, code))
	}
	return p
}

// The roles of DICOM that BALP gives client and server.
const (
	application = "110150"
	sourceRole  = "110153"
	destination = "110152"
)

func (e *Event) pattern() pattern {
	dicom := func(code string) *fhir.Element { return coding(systemDICOM, code) }
	query := func(codes ...string) pattern { return rest("E", "Query", sourceRole, dicom(destination), codes...) }
	secured := func(typ, subtype *fhir.Element) pattern {
		return pattern{typ: typ, subtypes: []*fhir.Element{subtype}, action: "E", client: dicom(application), server: dicom(destination)}
	}
	switch e.Kind {
	case Create:
		return rest("C", "Create", sourceRole, dicom(destination), "create")
	case Update, Patch:
		return rest("U", "Update", sourceRole, dicom(destination), string(e.Kind))
	case Delete:
		return rest("D", "Delete", application, coding(systemProvenance, "custodian"), "delete")
	case Read, VRead:
		return rest("R", "Read", destination, dicom(sourceRole), string(e.Kind))
	case SearchType, SearchSystem:
		return query(string(e.Kind))
	case HistoryInstance, HistoryType, HistorySystem:
		return query("search", string(e.Kind))
	case Collect:
		p := query("search", "operation")
		p.subtypes = append(p.subtypes, coding(systemOperation, e.Code))
		return p
	case Operation:
		p := rest("E", "", sourceRole, dicom(destination), "operation")
		p.subtypes = append(p.subtypes, coding(systemOperation, e.Code))
		return p
	case Removal:
		p := rest("D", "", application, coding(systemProvenance, "custodian"))
		p.subtypes = append(p.subtypes, coding(systemOperation, e.Code))
		return p
	case Batch, Transaction:
		return rest("E", "", sourceRole, dicom(destination), string(e.Kind))
	case Login, LoginFailed:
		return secured(dicom("110114"), dicom("110122"))
	case LockedOut, TokenBad:
		return secured(dicom("110114"), coding(systemOwn, string(e.Kind)))
	case Refused:
		if e.Code == "refused" {
			return pattern{typ: coding(systemEvent, "rest"), subtypes: []*fhir.Element{coding(systemOwn, string(e.Kind))}, action: "E", client: dicom(application), server: dicom(destination)}
		}
		return secured(dicom("110113"), coding(systemOwn, string(e.Kind)+"-"+e.Code))
	case Logout:
		return secured(dicom("110114"), dicom("110123"))
	case TokenIssued:
		p := secured(dicom("110114"), coding(systemIHE, "ITI-71"))
		p.server = coding(systemUserAgent, "AuthzOauthService")
		return p
	case Consented:
		p := secured(dicom("110113"), coding(systemAuthZ, "AuthZ-Consent"))
		p.server = coding(systemSecurity, "authserver")
		return p
	case BreakGlass:
		return secured(dicom("110113"), dicom("110127"))
	case Admin:
		p := secured(dicom("110113"), coding(systemOwn, e.Code))
		if strings.HasPrefix(e.Code, "user-") {
			p.subtypes = append(p.subtypes, dicom("110137"))
		}
		return p
	}
	return secured(coding(systemOwn, string(e.Kind)), coding(systemOwn, string(e.Kind)))
}

// Writes are the AuditEvents of an event, each as the write that makes it.
func (s Source) Writes(e *Event) []store.Write {
	decisions := s.decisions(e)
	switch {
	case len(e.Decided) > 0 && e.Kind == Consented:
		return decisions
	case len(e.Patients) == 0:
		return append(decisions, s.write(e, e.ID, ""))
	}
	writes := make([]store.Write, len(e.Patients), len(e.Patients)+len(decisions))
	for i, patient := range e.Patients {
		id := e.ID
		if i > 0 {
			id += "-" + strconv.Itoa(i)
		}
		writes[i] = s.write(e, id, patient)
	}
	return append(writes, decisions...)
}

func (s Source) write(e *Event, id, patient string) store.Write {
	r := s.resource(e, patient).WithIdentity(id)
	key := fhir.Key{Type: store.Audited, ID: id}
	owner := key
	if patient != "" {
		owner = fhir.Key{Type: "Patient", ID: patient}
	}
	return store.Write{Op: store.Create, Key: key, Body: r.JSON(), Resource: r, Shard: store.Shard(owner)}
}

// resource is the AuditEvent for one of the patients, "" for none.
func (s Source) resource(e *Event, patient string) *fhir.Resource {
	p := e.pattern()
	r := fhir.NewResource(store.Audited)
	root := r.Root()
	meta := fhir.NewObject()
	if claimed := e.profiles(p, patient); len(claimed) > 0 {
		meta.Set("profile", list(claimed...))
	}
	tags := list(coding(tagSystem, tagCode))
	if e.Kind == Consented && e.Outcome != Minor {
		tags.Append(coding(tagSystem, tagPermit))
	}
	meta.Set("tag", tags)
	root.Set("meta", meta)
	root.Set("type", p.typ)
	root.Set("subtype", list(p.subtypes...))
	root.Set("action", fhir.NewString(p.action))
	root.Set("recorded", fhir.NewString(fhir.FormatInstant(e.At)))
	outcome := e.Outcome
	if outcome == "" {
		outcome = Success
	}
	root.Set("outcome", fhir.NewString(outcome))
	if e.Description != "" {
		root.Set("outcomeDesc", fhir.NewString(e.Description))
	}
	if len(e.Purposes) > 0 {
		why := list()
		for _, purpose := range e.Purposes {
			why.Append(concept(coding(auth.PurposeCode(purpose))))
		}
		root.Set("purposeOfEvent", why)
	}
	root.Set("agent", s.agents(e, p))
	root.Set("source", fhir.NewObject(fhir.M("observer", s.observer()), fhir.M("type", list(coding(systemSource, "4")))))
	if entities := s.entities(e, patient); entities.Len() > 0 {
		root.Set("entity", entities)
	}
	return r
}

// profiles are those that the AuditEvent meets: BALP has none of an interaction that
// failed.
func (e *Event) profiles(p pattern, patient string) []*fhir.Element {
	var claimed []*fhir.Element
	claim := func(name string) { claimed = append(claimed, fhir.NewString(balp+name)) }
	success := e.Outcome == "" || e.Outcome == Success
	switch {
	case e.Kind == TokenIssued && success:
		claim("IUA.71")
	case e.Kind == Consented && len(e.Consents) > 0 && patient != "":
		claim("BasicAudit.AuthZconsent")
	case p.profile != "" && success && patient != "":
		claim("BasicAudit.Patient" + p.profile)
	case p.profile != "" && success:
		claim("BasicAudit." + p.profile)
	}
	if e.Agent.Token != "" && p.profile != "" {
		if e.Agent.User != "" && e.Agent.Client != "" {
			claim("BasicAudit.OAUTHaccessTokenUse.Comprehensive")
		} else {
			claim("BasicAudit.OAUTHaccessTokenUse.Minimal")
		}
	}
	return claimed
}

// agents are the client and the server, and with a token who holds it. The client's
// second role is that of BALP's OAuth client.
func (s Source) agents(e *Event, p pattern) *fhir.Element {
	roles := []*fhir.Element{p.client}
	if p.client.Get("code").Text() != application {
		roles = append(roles, coding(systemDICOM, application))
	}
	a := e.Agent
	network := fhir.NewObject(fhir.S("address", "unknown"))
	if a.Address != "" {
		network = fhir.NewObject(fhir.S("address", a.Address), fhir.S("type", "2"))
	}
	holder := s.holder(e)
	client := fhir.NewObject(fhir.M("type", concept(roles...)), fhir.M("who", s.client(a)),
		fhir.M("requestor", fhir.NewBool(holder == nil)), fhir.M("network", network))
	server := fhir.NewObject(fhir.M("type", concept(p.server)), fhir.M("who", s.observer()), fhir.M("requestor", fhir.NewBool(false)))
	if e.Kind != Consented {
		server.Set("network", fhir.NewObject(fhir.S("address", s.host()), fhir.S("type", "1")))
	}
	agents := list(client, server)
	if holder != nil {
		agents.Append(holder)
	}
	if e.Kind == Consented {
		organization := fhir.NewObject(fhir.S("display", "not known"))
		if a.Organization != "" {
			organization = reference(a.Organization)
		}
		agents.Append(fhir.NewObject(fhir.M("type", concept(coding(systemRoleClass, "PROV"))), fhir.M("who", organization),
			fhir.M("requestor", fhir.NewBool(false))))
	}
	return agents
}

// client is who asked, as far as he is known.
func (s Source) client(a Agent) *fhir.Element {
	switch {
	case a.Client != "":
		return identified(s.Base, a.Client)
	case a.Name != "":
		return fhir.NewObject(fhir.S("display", a.Name))
	case a.Token != "":
		return fhir.NewObject(fhir.S("display", "a token made on the machine of the server"))
	}
	return fhir.NewObject(fhir.S("display", "anonymous"))
}

func (s Source) host() string {
	if u, err := url.Parse(s.Base); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return s.Base
}

// holder is the user, or the backend service that has a token for itself; nil when
// there is no token and no user.
func (s Source) holder(e *Event) *fhir.Element {
	a := e.Agent
	var types []*fhir.Element
	var who *fhir.Element
	switch {
	case a.User != "" || e.Kind == Consented:
		types = append(types, coding(systemParticipe, "IRCP"))
		if who = s.client(a); a.User != "" {
			who = identified(s.Base, a.User)
		}
		if a.FHIRUser != "" {
			who = fhir.NewObject(append([]fhir.Member{fhir.S("reference", a.FHIRUser)}, who.Members()...)...)
		}
	case a.Token != "" && e.Kind != TokenIssued:
		who = s.client(a)
	default:
		return nil
	}
	if a.Token != "" && e.Kind != TokenIssued {
		types = append(types, coding(systemUserAgent, "UserOauthAgent"))
	}
	holder := fhir.NewObject(fhir.M("type", concept(types...)))
	if a.Role != "" {
		holder.Set("role", list(concept(coding("urn:vitalwire:role", a.Role))))
	}
	holder.Set("who", who)
	holder.Set("requestor", fhir.NewBool(true))
	if a.Token != "" && e.Kind != TokenIssued {
		holder.Set("policy", list(fhir.NewString(tokenPolicy+a.Token)))
	}
	return holder
}

// entities are the request, what it was done to or asked for, and the patient.
func (s Source) entities(e *Event, patient string) *fhir.Element {
	entities := list()
	closed := e.Kind == TokenIssued || e.Kind == Consented // BALP lists all that there may be
	if e.Request != "" && !closed {
		entities.Append(fhir.NewObject(fhir.M("what", identified("", e.Request)), fhir.M("type", coding(systemBasic, "XrequestId"))))
	}
	object := coding(systemEntity, "2")
	if e.Query != "" {
		entities.Append(fhir.NewObject(fhir.M("type", object), fhir.M("role", coding(systemObject, "24")),
			fhir.S("query", base64.StdEncoding.EncodeToString([]byte(e.Query)))))
	}
	switch {
	case e.What == "":
	case e.Kind == Admin:
		entities.Append(fhir.NewObject(fhir.M("what", identified(s.Base, e.What)), fhir.M("type", object), fhir.M("role", coding(systemObject, "13"))))
	case e.Query == "" && !strings.Contains(e.What, "/"): // what was not made, of that type
		entities.Append(fhir.NewObject(fhir.M("what", fhir.NewObject(fhir.S("type", e.What))), fhir.M("type", object), fhir.M("role", coding(systemObject, "4"))))
	case e.Query == "":
		entities.Append(fhir.NewObject(fhir.M("what", reference(e.What)), fhir.M("type", object), fhir.M("role", coding(systemObject, "4"))))
	}
	if patient != "" && e.Kind != TokenIssued {
		entities.Append(fhir.NewObject(fhir.M("what", reference("Patient/"+patient)), fhir.M("type", coding(systemEntity, "1")),
			fhir.M("role", coding(systemObject, "1"))))
	}
	for _, consent := range slices.Compact(slices.Sorted(slices.Values(e.Consents))) {
		entities.Append(fhir.NewObject(fhir.M("what", reference(consent)), fhir.M("type", coding(systemTypes, "Consent"))))
	}
	if e.Kind == Consented && e.Agent.Token != "" {
		entities.Append(fhir.NewObject(fhir.M("what", identified(s.Base, e.Agent.Token)), fhir.M("type", coding(systemUserAgent, "UserOauthAgent"))))
	}
	return entities
}
