package libreview

import (
	"slices"

	"vitalwire/adapters/records"
)

const timestamp = "device timestamp"

// columns are how the names begin that exports of accounts in other languages, and older
// ones in English, have for what stands beside them. The longer of two goes first.
var columns = []records.Word{
	{Foreign: "meter timestamp", English: timestamp}, {Foreign: "meter", English: "device"},
	// German
	{Foreign: "gerätezeitstempel", English: timestamp}, {Foreign: "gerät", English: "device"}, {Foreign: "seriennummer", English: "serial number"},
	{Foreign: "aufzeichnungstyp", English: "record type"},
	{Foreign: "glukosewert-verlauf", English: "historic glucose"}, {Foreign: "glukose-scan", English: "scan glucose"},
	{Foreign: "glukose-teststreifen", English: "strip glucose"}, {Foreign: "keton ", English: "ketone "},
	{Foreign: "schnellwirkendes insulin", English: "rapid-acting insulin"}, {Foreign: "depotinsulin", English: "long-acting insulin"},
	{Foreign: "kohlenhydrate (gramm", English: "carbohydrates (gram"},
	// French
	{Foreign: "horodatage de l", English: timestamp + " "},
	{Foreign: "appareil", English: "device"}, //nolint:misspell // French
	{Foreign: "numéro de série", English: "serial number"},
	{Foreign: "type d'enregistrement", English: "record type"}, {Foreign: "type d’enregistrement", English: "record type"},
	{Foreign: "historique de la glycémie", English: "historic glucose"}, {Foreign: "numérisation de la glycémie", English: "scan glucose"},
	{Foreign: "scan de glycémie", English: "scan glucose"}, {Foreign: "glycémie de la bandelette", English: "strip glucose"}, {Foreign: "cétone", English: "ketone"},
	{Foreign: "insuline à action rapide (", English: "rapid-acting insulin ("}, {Foreign: "insuline à action longue (", English: "long-acting insulin ("},
	{Foreign: "insuline à action lente (", English: "long-acting insulin ("}, {Foreign: "glucides (gramm", English: "carbohydrates (gram"},
	// Spanish
	{Foreign: "sello de tiempo del dispositivo", English: timestamp}, {Foreign: "dispositivo", English: "device"},
	{Foreign: "número de seri", English: "serial number "}, {Foreign: "tipo de registro", English: "record type"},
	{Foreign: "historial de glucosa", English: "historic glucose"}, {Foreign: "escaneo de glucosa", English: "scan glucose"},
	{Foreign: "tira reactiva para glucosa", English: "strip glucose"}, {Foreign: "cetona", English: "ketone"},
	{Foreign: "insulina de acción rápida (", English: "rapid-acting insulin ("}, {Foreign: "insulina de acción prolongada (", English: "long-acting insulin ("},
	{Foreign: "insulina de acción larga (", English: "long-acting insulin ("}, {Foreign: "carbohidratos (gram", English: "carbohydrates (gram"},
	// Italian
	{Foreign: "timestamp del dispositivo", English: timestamp}, {Foreign: "numero di serie", English: "serial number"}, {Foreign: "tipo di re", English: "record type "},
	{Foreign: "storico del glucosio", English: "historic glucose"}, {Foreign: "scansione del glucosio", English: "scan glucose"},
	{Foreign: "scansione glucosio", English: "scan glucose"}, {Foreign: "chetone", English: "ketone"}, {Foreign: "chetoni", English: "ketone"},
	{Foreign: "insulina ad azione rapida (", English: "rapid-acting insulin ("}, {Foreign: "insulina ad effetto prolungato (", English: "long-acting insulin ("},
	{Foreign: "carboidrati (gram", English: "carbohydrates (gram"},
	// Dutch
	{Foreign: "tijdstempel apparaat", English: timestamp}, {Foreign: "apparaat", English: "device"}, {Foreign: "serienummer", English: "serial number"},
	{Foreign: "gegevenstype", English: "record type"}, {Foreign: "historische glucose", English: "historic glucose"},
	{Foreign: "snelwerkende insuline (", English: "rapid-acting insulin ("}, {Foreign: "langwerkende insuline (", English: "long-acting insulin ("},
	{Foreign: "koolhydraten (gram", English: "carbohydrates (gram"},
}

func isHeader(names []string) bool {
	records.Translate(names, columns)
	for i, name := range names { // what follows some words is no unit
		for _, whole := range []string{timestamp, "serial number", "record type"} {
			if len(name) > len(whole) && name[:len(whole)] == whole {
				names[i] = whole
			}
		}
	}
	return slices.Contains(names, timestamp)
}
