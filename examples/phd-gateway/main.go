// Phd-gateway plays a thermometer that speaks IEEE 11073-20601 to Vitalwire over TCP:
//
//	go run . --phd-tcp 127.0.0.1:6024
//	go run ./examples/phd-gateway 127.0.0.1:6024 36.80 37.10
//
// It associates, sends each temperature in a confirmed report, and ends when all are
// confirmed: then they are in the store.
package main

import (
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: phd-gateway HOST:PORT TEMPERATURE...")
		os.Exit(2)
	}
	if err := play(os.Args[1], os.Args[2:], time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, "phd-gateway:", err)
		os.Exit(1)
	}
	fmt.Println(len(os.Args)-2, "temperatures are confirmed")
}

// play sends temperatures in degrees Celsius, taken a second apart until now.
func play(address string, temperatures []string, now time.Time) error {
	wire, err := net.DialTimeout("tcp", address, 10*time.Second) //nolint:gosec // who starts it says where to
	if err != nil {
		return err
	}
	defer wire.Close()
	_ = wire.SetDeadline(time.Now().Add(time.Minute))
	a := &agent{wire: wire, systemID: [8]byte{0x00, 0xA1, 0xC9, 0xFF, 0xFE, 0x00, 0x08, 0x01}}
	if err := a.associate(); err != nil {
		return err
	}
	for i, text := range temperatures {
		degrees, ok := new(big.Rat).SetString(text)
		if !ok {
			return fmt.Errorf("%q is no temperature", text)
		}
		hundredths := new(big.Rat).Mul(degrees, big.NewRat(100, 1))
		if !hundredths.IsInt() || hundredths.Num().BitLen() > 20 {
			return fmt.Errorf("%q has more digits than a thermometer shows", text)
		}
		at := now.Add(time.Duration(i+1-len(temperatures)) * time.Second)
		if err := a.report(reading{int32(hundredths.Num().Int64()), at}); err != nil {
			return err
		}
	}
	return a.release()
}
