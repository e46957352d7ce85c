// Echo with Go's net: a goroutine per connection. echo [PORT] [--udp]
package main

import (
	"fmt"
	"net"
	"os"
)

const (
	smallBytes  = 4 * 1024
	bufferBytes = 256 * 1024
)

// serve echoes until FIN. A receive that fills the buffer tells of a stream, and the buffer grows.
func serve(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, smallBytes)
	for {
		received, err := connection.Read(buffer)
		if received > 0 {
			if _, err := connection.Write(buffer[:received]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
		if received == len(buffer) && received < bufferBytes {
			buffer = make([]byte, bufferBytes)
		}
	}
}

func serveStreams(address string) error {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(connection)
	}
}

func serveDatagrams(address string) error {
	socket, err := net.ListenPacket("udp4", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", socket.LocalAddr().(*net.UDPAddr).Port)
	buffer := make([]byte, 65536)
	for {
		received, peer, err := socket.ReadFrom(buffer)
		if err == nil {
			_, _ = socket.WriteTo(buffer[:received], peer) // what cannot be sent is lost, as datagrams may be
		}
	}
}

func main() {
	port, serveThem := "0", serveStreams
	for _, argument := range os.Args[1:] {
		if argument == "--udp" {
			serveThem = serveDatagrams
		} else {
			port = argument
		}
	}
	fmt.Fprintln(os.Stderr, serveThem("127.0.0.1:"+port))
	os.Exit(1)
}
