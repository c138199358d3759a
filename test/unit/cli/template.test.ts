/** Go templates, by what Go's own documentation and engine say of them. */

import { describe, expect, test } from 'vitest'
import { toData } from '../../../src/cli/output/template-data.ts'
import { execute } from '../../../src/cli/template/execute.ts'
import { parseTemplate } from '../../../src/cli/template/parse.ts'

const DATA = toData({
  Name: 'web',
  Id: 'abc',
  Count: 3,
  Zero: 0,
  Ratio: 0.25,
  Yes: true,
  Nothing: null,
  Env: ['A=1', 'B=<2>'],
  Cmd: null,
  Labels: { b: '2', a: '1' },
  Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '99/udp': null },
  HostConfig: { CpuShares: 5, LogConfig: { Type: 'x', Config: { k: 'v' } } },
  Big: 25276514304,
})

const fill = (template: string) => execute(parseTemplate(template), DATA)

describe('answers', () => {
  test.each([
    ['plain', 'plain'],
    ['{{.Name}}-{{ .Count }}', 'web-3'],
    ['a {{- .Name -}} b', 'awebb'],
    ['a{{/* a comment */}}b {{- /* another */ -}} c', 'abc'],
    ['{{.Env}} {{.Cmd}} {{.Labels}} {{.Nothing}}', '[A=1 B=<2>] [] map[a:1 b:2] <nil>'],
    ['{{.Big}} {{.Ratio}} {{.Yes}}', '25276514304 0.25 true'],
    ['{{.ID}} {{.HostConfig.CPUShares}}', 'abc 5'],
    ['{{.Labels.a}}{{.Labels.none}}{{index .Labels "none"}}', '1<no value>'],
    ['{{json .Labels}} {{json .Env}} {{json .Cmd}} {{json .Name}}', '{"a":"1","b":"2"} ["A=1","B=<2>"] null "web"'],
    [
      '{{if .Yes}}y{{else}}n{{end}}{{if .Zero}}y{{else}}n{{end}}{{if .Env}}y{{end}}{{if .Cmd}}y{{else}}n{{end}}',
      'ynyn',
    ],
    ['{{if eq .Count 4}}4{{else if eq .Count 3}}3{{else}}?{{end}}', '3'],
    [
      '{{with .Nothing}}x{{else}}none{{end}}{{with .Name}}{{.}}{{end}}{{with $x := .Count}}{{$x}}{{$.Name}}{{end}}',
      'noneweb3web',
    ],
    ['{{range .Env}}<{{.}}>{{end}}', '<A=1><B=<2>>'],
    ['{{range $i, $e := .Env}}{{$i}}:{{$e}} {{end}}', '0:A=1 1:B=<2> '],
    ['{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'a=1;b=2;'],
    ['{{range .Cmd}}x{{else}}empty{{end}}', 'empty'],
    [
      '{{range $p, $b := .Ports}}{{$p}}{{range $b}} {{.HostIp}}:{{.HostPort}}{{end}},{{end}}',
      '80/tcp 0.0.0.0:8080,99/udp,',
    ],
    ['{{range .Env}}{{if eq . "B=<2>"}}{{break}}{{end}}{{.}}{{end}}', 'A=1'],
    ['{{range .Env}}{{if eq . "A=1"}}{{continue}}{{end}}{{.}}{{end}}', 'B=<2>'],
    ['{{range 3}}{{.}}{{end}}', '012'],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{index .Env 1}} {{len .Env}} {{len .Name}} {{slice .Name 1}} {{slice .Name 0 2}}', 'B=<2> 2 3 eb we'],
    ['{{$x := 1}}{{range .Env}}{{$x = len .}}{{end}}{{$x}}', '5'],
    ['{{$x := "outer"}}{{if true}}{{$x := "inner"}}{{$x}}{{end}}{{$x}}', 'innerouter'],
    ['{{define "T"}}[{{.}}]{{end}}{{template "T" .Name}}{{template "T" .Count}}', '[web][3]'],
    ['{{block "B" .Name}}<{{.}}>{{end}}', '<web>'],
    ['{{.Name | upper | printf "%s-%s" "a"}}', 'a-WEB'],
    [
      '{{and .Name .Count}} {{and .Zero .Nope}} {{or .Zero .Name}} {{or .Name .Nope}} {{not .Zero}}',
      '3 0 web web true',
    ],
    [
      '{{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}} {{eq .Nothing nil}}',
      'true true true true true false true',
    ],
    [
      '{{printf "%5d|%-5d|%05d|%x|%q|%v|%t|%.2f|%%|%s|%T" 42 42 42 255 "q" .Labels true 1.5 "s" 1}}',
      '   42|42   |00042|ff|"q"|map[a:1 b:2]|true|1.50|%|s|int',
    ],
    [
      '{{printf "%d %s" "x" 1}} {{printf "%d"}} {{printf "x" 1}}',
      '%!d(string=x) %!s(int=1) %!d(MISSING) x%!(EXTRA int=1)',
    ],
    ['{{print 1 2 "a" 3}}{{println .Name}}', '1 2a3web\n'],
    [
      '{{title "hello world"}} {{lower "AB"}} {{truncate "hello" 2}} {{pad "x" 1 2}}|{{join (split "a,b" ",") "+"}}',
      'Hello World ab he  x  |a+b',
    ],
    ['{{html "<a>&"}} {{urlquery "a b&c"}} {{js "it\'s"}}', "&lt;a&gt;&amp; a+b%26c it\\'s"],
    ['{{"\\t\\"\\u00e9\\x41\\101"}}{{`raw\\n`}}', '\t"éAAraw\\n'],
    ["{{'a'}} {{0x10}} {{1_000}} {{-3}} {{1e3}}", '97 16 1000 -3 1000'],
    ['{{true}} {{false}}', 'true false'],
    ['{{.HostConfig.LogConfig}} {{json .HostConfig.LogConfig}}', '{x map[k:v]} {"Type":"x","Config":{"k":"v"}}'],
  ])('%s', (template, expected) => {
    expect(fill(template)).toBe(expected)
  })
})

describe('refuses at parsing', () => {
  test.each([
    ['{{', 'template: :1: unclosed action'],
    ['a\n{{.Name', 'template: :2: unclosed action'],
    ['{{nope}}', 'template: :1: function "nope" not defined'],
    ['{{constructor}}', 'template: :1: function "constructor" not defined'],
    ['{{end}}', 'template: :1: unexpected {{end}}'],
    ['{{else}}', 'template: :1: unexpected {{else}}'],
    ['{{if .Name}}', 'template: :1: unexpected EOF'],
    ['{{if}}x{{end}}', 'template: :1: missing value for if'],
    ['{{.Name | }}', 'template: :1: missing value for command'],
    ['{{$x}}', 'template: :1: undefined variable "$x"'],
    ['{{(.Name}}', 'template: :1: unclosed left paren'],
    ['{{/* open', 'template: :1: unclosed comment'],
    ['{{"open}}', 'template: :1: unterminated quoted string'],
    ['{{break}}', 'template: :1: {{break}} outside {{range}}'],
    ['{{}}', 'template: :1: missing value for command'],
  ])('%s', (template, message) => {
    expect(() => parseTemplate(template)).toThrow(message)
  })
})

describe('refuses at execution', () => {
  test.each([
    ['{{.Foo}}', 'template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'],
    ['x{{.HostConfig.Foo}}', 'template: :1:14: executing "" at <.HostConfig.Foo>: map has no entry for key "Foo"'],
    ['{{.Nothing.Foo}}', 'nil pointer evaluating interface {}.Foo'],
    ['{{.Name.Foo}}', "can't evaluate field Foo in type string"],
    ['{{index .Env 9}}', 'error calling index: index out of range: 9'],
    ['{{index .Nothing 0}}', 'error calling index: index of untyped nil'],
    ['{{len 3}}', 'error calling len: len of type int'],
    ['{{eq .Name 1}}', 'error calling eq: incompatible types for comparison'],
    ['{{range .Name}}{{end}}', "range can't iterate over web"],
    ['{{template "none"}}', 'template "none" not defined'],
    ['{{.Name "x"}}', 'Name is not a method but has arguments'],
    ['{{3 4}}', "can't give argument to non-function 3"],
    ['{{.constructor}}', 'map has no entry for key "constructor"'],
    ['{{.__proto__}}', 'map has no entry for key "__proto__"'],
  ])('%s', (template, message) => {
    expect(() => fill(template)).toThrow(message)
  })
})
