import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { egressFetch, isPublicAddress } from "./egress.ts";

const closes: (() => void)[] = [];
afterEach(() => closes.splice(0).forEach((close) => close()));

/** A server of this machine, and the settings that allow it. */
async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closes.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `http://${host}/`, host, settings: { egressAllow: [host] } };
}

test.each([
  ["loopback", "http://127.0.0.1/"],
  ["loopback, other", "http://127.8.9.1/"],
  ["short form", "http://127.1/"],
  ["decimal", "http://2130706433/"],
  ["hexadecimal", "http://0x7f000001/"],
  ["octal", "http://0177.0.0.1/"],
  ["zero", "http://0/"],
  ["wide digits", "http://１２７.0.0.1/"],
  ["name", "http://localhost/"],
  ["name with a dot", "http://localhost./"],
  ["IPv6 loopback", "http://[::1]/"],
  ["IPv6 unspecified", "http://[::]/"],
  ["mapped", "http://[::ffff:127.0.0.1]/"],
  ["mapped in hexadecimal", "http://[::ffff:7f00:1]/"],
  ["compatible", "http://[::127.0.0.1]/"],
  ["NAT64", "http://[64:ff9b::7f00:1]/"],
  ["local NAT64", "http://[64:ff9b:1::a00:1]/"],
  ["6to4", "http://[2002:7f00:1::]/"],
  ["Teredo", "http://[2001:0:7f00:1::]/"],
  ["unique local", "http://[fd00::1]/"],
  ["IPv6 link-local", "http://[fe80::1]/"],
  ["site-local", "http://[fec0::1]/"],
  ["documentation", "http://[2001:db8::1]/"],
  ["IPv6 multicast", "http://[ff02::1]/"],
  ["private 10", "http://10.0.0.1/"],
  ["private 172", "http://172.16.0.1/"],
  ["private 192", "http://192.168.1.1/"],
  ["carrier-grade NAT", "http://100.64.0.1/"],
  ["metadata of clouds", "http://169.254.169.254/latest/meta-data/"],
  ["metadata, IPv6", "http://[fd00:ec2::254]/"],
  ["metadata of Alibaba", "http://100.100.100.200/"],
  ["multicast", "http://224.0.0.1/"],
  ["broadcast", "http://255.255.255.255/"],
  ["test network", "http://192.0.2.1/"],
  ["benchmarks", "http://198.18.0.1/"],
  ["user name", "http://example.com@127.0.0.1/"],
  ["user name, public host", "http://user:password@93.184.216.34/"],
  ["other port", "http://93.184.216.34:22/"],
  ["file", "file:///etc/passwd"],
  ["gopher", "gopher://93.184.216.34/"],
  ["no address", "hello"],
])("refuses %s: %s", async (_name, address) => {
  await expect(egressFetch({ egressAllow: [] }, address)).rejects.toMatchObject({
    name: "EgressError",
    reason: "refused",
  });
});

test.each(["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111"])("%s is public", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test("an allowed host is called, as it was asked for", async () => {
  const { url, settings } = await serve(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader("x-answer", "yes");
    response.statusCode = 201;
    response.end(`${request.method} ${String(request.headers["x-question"])} ${Buffer.concat(chunks).toString()}`);
  });
  const answer = await egressFetch(settings, url, { method: "POST", headers: { "x-question": "why" }, body: "body" });
  expect([answer.status, answer.headers.get("x-answer"), answer.body.toString()]).toEqual([
    201,
    "yes",
    "POST why body",
  ]);
});

test("an allowed host with a port allows that port alone", async () => {
  const { settings } = await serve((_request, response) => response.end());
  await expect(egressFetch(settings, "http://127.0.0.1:1/")).rejects.toMatchObject({ reason: "refused" });
});

test("a redirect is returned, not followed", async () => {
  let requests = 0;
  const { url, settings } = await serve((_request, response) => {
    requests++;
    response.writeHead(302, { location: "/secret" }).end();
  });
  expect((await egressFetch(settings, url)).status).toBe(302);
  expect(requests).toBe(1);
});

test("an answer of more than 1 MiB is refused, also when it is packed", async () => {
  const megabyte = Buffer.alloc(1024 * 1024);
  const { url, settings } = await serve((request, response) => {
    if (request.url === "/fits") return void response.end(megabyte);
    if (request.url === "/large") return void response.end(Buffer.concat([megabyte, Buffer.alloc(1)]));
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync(Buffer.alloc(8 * megabyte.length)));
  });
  expect((await egressFetch(settings, `${url}fits`)).body).toHaveLength(megabyte.length);
  await expect(egressFetch(settings, `${url}large`)).rejects.toMatchObject({ reason: "too_large" });
  await expect(egressFetch(settings, `${url}packed`)).rejects.toMatchObject({ reason: "too_large" });
});

test("a host that is not there, or breaks off, fails without naming addresses", async () => {
  const { url, settings } = await serve((request) => request.socket.destroy());
  const failure = expect.objectContaining({ reason: "failed", message: "the call failed" });
  await expect(egressFetch(settings, url)).rejects.toEqual(failure);
  await expect(egressFetch({ egressAllow: [] }, "http://nobody.invalid/")).rejects.toEqual(failure);
});
