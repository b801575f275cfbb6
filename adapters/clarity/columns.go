package clarity

import (
	"slices"

	"vitalwire/adapters/records"
)

// columns of the file, in lower case; the glucose column ends in its unit.
const (
	timestamp   = "timestamp ("
	eventType   = "event type"
	glucose     = "glucose value "
	transmitter = "transmitter id"
)

// columns are how the names begin in other languages. The rate of change has glucose in
// its name as well, and is another column.
var columns = []records.Word{
	// German
	{Foreign: "zeitstempel (", English: timestamp}, {Foreign: "ereignistyp", English: eventType}, {Foreign: "ereignisart", English: eventType},
	{Foreign: "ereignisuntertyp", English: "event subtype"}, {Foreign: "ereignis-untertyp", English: "event subtype"},
	{Foreign: "geräteinfo", English: "device info"}, {Foreign: "glukosewert ", English: glucose},
	{Foreign: "insulinwert", English: "insulin value"}, {Foreign: "kohlenhydratwert (gramm", English: "carb value (gram"},
	{Foreign: "transmitter-id", English: transmitter},
	// Spanish
	{Foreign: "marca temporal (", English: timestamp}, {Foreign: "tipo de evento", English: eventType}, {Foreign: "subtipo de evento", English: "event subtype"},
	{Foreign: "nivel de glucosa ", English: glucose}, {Foreign: "nivel de insulina", English: "insulin value"},
	{Foreign: "nivel de carbohidratos (gram", English: "carb value (gram"}, {Foreign: "id del transmisor", English: transmitter},
	// Italian
	{Foreign: "data e ora (", English: timestamp}, {Foreign: "tipo di evento", English: eventType}, {Foreign: "sottotipo di evento", English: "event subtype"},
	{Foreign: "valore del glucosio ", English: glucose}, {Foreign: "id trasmettitore", English: transmitter},
}

func isHeader(names []string) bool {
	records.Translate(names, columns)
	at := slices.IndexFunc(names, func(name string) bool { return len(name) > len(timestamp) && name[:len(timestamp)] == timestamp })
	if at < 0 || !slices.Contains(names, eventType) {
		return false
	}
	names[at] = timestamp // what follows is how it is written
	return true
}

// words are event types and subtypes in other languages.
var words = map[string]string{
	"EGW": "EGV", "Niveles estimados de glucosa": "EGV",
	"Kalibrierung": "Calibration", "Calibración": "Calibration", "Calibrazione": "Calibration",
	"Insulina": "Insulin", "Kohlenhydrate": "Carbs", "Carbohidratos": "Carbs", "Carboidrati": "Carbs",
	"Schnell wirkend": "Fast-Acting", "Schnellwirkend": "Fast-Acting", "Lang wirkend": "Long-Acting", "Langwirkend": "Long-Acting",
	"Vorname": "FirstName", "Nachname": "LastName", "Geburtsdatum": "DateOfBirth", "Gerät": "Device",
	"Nombre": "FirstName", "Apellidos": "LastName", "Apellido": "LastName", "Fecha de nacimiento": "DateOfBirth", "Dispositivo": "Device",
	"Nome": "FirstName", "Cognome": "LastName", "Data di nascita": "DateOfBirth",
}

// english is an event type or subtype in English.
func english(word string) string {
	if known, ok := words[word]; ok {
		return known
	}
	return word
}
