package rest

import (
	"net/http"

	"vitalwire/fhir"
)

// statusOf is the only place that gives a situation its HTTP status.
var statusOf = map[fhir.Situation]int{
	fhir.SituationException:          http.StatusInternalServerError,
	fhir.SituationMalformed:          http.StatusBadRequest,
	fhir.SituationBadSearch:          http.StatusBadRequest,
	fhir.SituationTooCostly:          http.StatusBadRequest,
	fhir.SituationLoginRequired:      http.StatusUnauthorized,
	fhir.SituationTokenExpired:       http.StatusUnauthorized,
	fhir.SituationForbidden:          http.StatusForbidden,
	fhir.SituationNotFound:           http.StatusNotFound,
	fhir.SituationUnknownType:        http.StatusNotFound,
	fhir.SituationNotAllowed:         http.StatusMethodNotAllowed,
	fhir.SituationNotAcceptable:      http.StatusNotAcceptable,
	fhir.SituationConflict:           http.StatusConflict,
	fhir.SituationDeleted:            http.StatusGone,
	fhir.SituationPreconditionFailed: http.StatusPreconditionFailed,
	fhir.SituationManyMatches:        http.StatusPreconditionFailed,
	fhir.SituationTooLong:            http.StatusRequestEntityTooLarge,
	fhir.SituationLongURL:            http.StatusRequestURITooLong,
	fhir.SituationLongHeader:         http.StatusRequestHeaderFieldsTooLarge,
	fhir.SituationBadMedia:           http.StatusUnsupportedMediaType,
	fhir.SituationUnprocessable:      http.StatusUnprocessableEntity,
	fhir.SituationThrottled:          http.StatusTooManyRequests,
	fhir.SituationUnavailable:        http.StatusServiceUnavailable,
	fhir.SituationTimeout:            http.StatusGatewayTimeout,
}
