module vitalwire

go 1.26
