package omron

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"vitalwire/adapters/records"
)

// columns are how the names begin that other versions and languages of the app have for
// what stands beside them. Newer versions write date and time in one column.
var columns = []records.Word{
	{Foreign: "measurement date", English: "date"}, {Foreign: "timezone", English: "time zone"},
	{Foreign: "sys(", English: "systolic ("}, {Foreign: "sys (", English: "systolic ("}, {Foreign: "systolic(", English: "systolic ("},
	{Foreign: "dia(", English: "diastolic ("}, {Foreign: "dia (", English: "diastolic ("}, {Foreign: "diastolic(", English: "diastolic ("},
	{Foreign: "pulse(", English: "pulse ("}, {Foreign: "irregular heartbeat detected", English: "irregular heartbeat"},
	{Foreign: "body movement detected", English: "body movement"},
	// German
	{Foreign: "datum", English: "date"}, {Foreign: "messdatum", English: "date"}, {Foreign: "zeitzone", English: "time zone"}, {Foreign: "uhrzeit", English: "time"},
	{Foreign: "zeit", English: "time"}, {Foreign: "systolisch (", English: "systolic ("}, {Foreign: "diastolisch (", English: "diastolic ("}, {Foreign: "puls (", English: "pulse ("},
	{Foreign: "symptome", English: "symptoms"}, {Foreign: "notizen", English: "notes"}, {Foreign: "gerät", English: "device"},
}

func isHeader(names []string) bool {
	records.Translate(names, columns)
	return slices.Contains(names, "date") &&
		slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "systolic (") })
}

// months by how their names begin in English and in German, French, Spanish, Italian and
// Dutch: no other month of any of these begins so.
var months = []struct {
	number int
	begins []string
}{
	{1, []string{"jan", "ene", "gen", "jän"}}, {2, []string{"feb", "fév", "fev"}}, {3, []string{"mar", "mär", "maa", "mrt"}},
	{4, []string{"apr", "avr", "abr"}}, {5, []string{"may", "mai", "mag", "mei"}}, {6, []string{"jun", "juin", "giu"}},
	{7, []string{"jul", "juil", "lug"}}, {8, []string{"aug", "aoû", "aou", "ago"}}, {9, []string{"sep", "set"}},
	{10, []string{"oct", "okt", "ott"}}, {11, []string{"nov"}}, {12, []string{"dec", "dez", "déc", "dic"}},
}

// month is the number of a month by its name, 0 for any other word.
func month(name string) int {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, m := range months {
		for _, begin := range m.begins {
			if strings.HasPrefix(name, begin) {
				return m.number
			}
		}
	}
	return 0
}

// numbers writes a date with the month's name as year, month and day, with what follows
// it; others stay.
func numbers(date string) string {
	if strings.IndexFunc(date, unicode.IsLetter) < 0 {
		return date
	}
	words := strings.FieldsFunc(date, func(r rune) bool { return r == ' ' || r == ',' || r == '-' })
	if len(words) < 3 {
		return date
	}
	name, day := words[0], strings.TrimSuffix(words[1], ".")
	if digits := strings.TrimSuffix(name, "."); strings.Trim(digits, "0123456789") == "" {
		name, day = words[1], digits
	}
	if n := month(name); n > 0 {
		return strings.Join(append([]string{words[2] + "-" + strconv.Itoa(n) + "-" + day}, words[3:]...), " ")
	}
	return date
}
