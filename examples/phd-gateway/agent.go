package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// agent is a thermometer (IEEE 11073-10408, standard configuration 0320) on one
// connection to a manager.
type agent struct {
	wire     net.Conn
	systemID [8]byte // EUI-64
	invoke   uint16
}

// reading is a body temperature in hundredths of a degree Celsius.
type reading struct {
	hundredths int32
	at         time.Time // local, as a thermometer shows it
}

// apdu puts a choice and a length before a body (annex A.8).
func apdu(choice uint16, body []byte) []byte {
	head := binary.BigEndian.AppendUint16(nil, choice)
	return append(binary.BigEndian.AppendUint16(head, uint16(len(body))), body...)
}

// data is a DATA APDU (PRST): an octet string of invoke-id, choice, and what is said.
func data(invoke, choice uint16, said []byte) []byte {
	inner := binary.BigEndian.AppendUint16(nil, invoke)
	inner = binary.BigEndian.AppendUint16(inner, choice)
	inner = binary.BigEndian.AppendUint16(inner, uint16(len(said)))
	inner = append(inner, said...)
	return apdu(0xE700, append(binary.BigEndian.AppendUint16(nil, uint16(len(inner))), inner...))
}

// read is the next APDU of the manager.
func (a *agent) read() (choice uint16, body []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(a.wire, head[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint16(head[2:]))
	_, err = io.ReadFull(a.wire, body)
	return binary.BigEndian.Uint16(head[:]), body, err
}

// associate says who we are (8.7.3) and answers the manager's question what we are.
func (a *agent) associate() error {
	information := append([]byte{
		0x80, 0, 0, 0, // protocol version 1
		0x80, 0, // MDER
		0x80, 0, 0, 0, // nomenclature version 1
		0, 0, 0, 0, // functional units
		0, 0x80, 0, 0, // an agent
		0, 8}, a.systemID[:]...)
	information = append(information, 0x03, 0x20, 0, 1, 1, 0, 0, 0, 0, 0) // configuration 0320
	request := append([]byte{0x80, 0, 0, 0, 0, 1, 0, byte(len(information) + 4), 0x50, 0x79, 0, byte(len(information))}, information...)
	if _, err := a.wire.Write(apdu(0xE200, request)); err != nil {
		return err
	}
	choice, body, err := a.read()
	if err != nil {
		return err
	}
	if choice != 0xE300 || len(body) < 2 || binary.BigEndian.Uint16(body) != 0 {
		return fmt.Errorf("the manager did not accept the association: %04X % X", choice, body)
	}
	choice, body, err = a.read() // Get, of the MDS
	if err != nil {
		return err
	}
	if choice != 0xE700 || len(body) < 6 || binary.BigEndian.Uint16(body[4:]) != 0x0103 {
		return fmt.Errorf("in place of a question came %04X % X", choice, body)
	}
	model := []byte{0, 4, 'A', 'c', 'm', 'e', 0, 8, 'T', 'h', 'e', 'r', 'm', ' ', '3', 0}
	attributes := append([]byte{0x09, 0x28, 0, byte(len(model))}, model...)                 // model
	attributes = append(attributes, 0x09, 0x84, 0, 10, 0, 8)                                // system id
	attributes = append(append(attributes, a.systemID[:]...), 0x0A, 0x44, 0, 2, 0x03, 0x20) // configuration id
	mds := append([]byte{0, 0, 0, 3, 0, byte(len(attributes))}, attributes...)              // handle 0, three attributes
	_, err = a.wire.Write(data(binary.BigEndian.Uint16(body[2:]), 0x0203, mds))             // the answer to that invoke-id
	return err
}

// bcd writes an AbsoluteTime (A.2.13).
func bcd(t time.Time) []byte {
	digits := t.Format("20060102150405") + "00"
	out := make([]byte, 8)
	for i := range out {
		out[i] = (digits[2*i]-'0')<<4 | (digits[2*i+1] - '0')
	}
	return out
}

// report sends one reading and waits until the manager confirms it: from then on it
// may be forgotten here.
func (a *agent) report(r reading) error {
	a.invoke++
	value := binary.BigEndian.AppendUint32(nil, 0xFE<<24|uint32(r.hundredths)&0xFFFFFF) // FLOAT: exponent -2
	value = append(value, bcd(r.at)...)
	scan := append([]byte{0xF0, 0, 0, 0, 0, 1, 0, 16, 0, 1, 0, 12}, value...)                      // of handle 1, its 12 bytes
	event := append([]byte{0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0D, 0x1D, 0, byte(len(scan))}, scan...) // fixed scan report
	if _, err := a.wire.Write(data(a.invoke, 0x0101, event)); err != nil {
		return err
	}
	choice, body, err := a.read()
	if err != nil {
		return err
	}
	if choice != 0xE700 || len(body) < 6 || binary.BigEndian.Uint16(body[2:]) != a.invoke || binary.BigEndian.Uint16(body[4:]) != 0x0201 {
		return fmt.Errorf("the reading was not confirmed: %04X % X", choice, body)
	}
	return nil
}

// release ends the association (8.10).
func (a *agent) release() error {
	if _, err := a.wire.Write(apdu(0xE400, []byte{0, 0})); err != nil {
		return err
	}
	choice, _, err := a.read()
	if err == nil && choice != 0xE500 {
		err = errors.New("the manager did not release the association")
	}
	return err
}
