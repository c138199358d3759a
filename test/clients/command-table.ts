/**
 * What a person types at `docker`, section by section and in order: what one line makes, the next one finds. Lines are the
 * shell's, run in a folder with `busybox.tar`, a build's folder `site` and nothing else; $PORT and $SUBNET are each engine's own.
 * The test beside this file runs them; docs/clients.md is written from them.
 */

import { CONTAINERS } from './command-table-containers.ts'

const LATER = 'As in later versions; the reference engine is Docker 20.10.'

export interface Difference {
  readonly line: string
  /** Why skiff does not print the same. */
  readonly differs: string
  /** What skiff prints, or a part of it, that the reference engine does not. */
  readonly skiff: string
}

export interface Section {
  readonly title: string
  /** A line alone prints the same with both. */
  readonly lines: readonly (string | Difference)[]
}

const IMAGES: Section = {
  title: 'Images',
  lines: [
    'docker import busybox.tar nothing',
    `docker import -c 'CMD ["sh"]' -m 'a message' busybox.tar busybox`,
    'cat busybox.tar | docker image import - piped:1',
    'docker import /nope x',
    `docker images --format '{{.Repository}}:{{.Tag}} {{.Size}} {{.Digest}}' | sort`,
    'docker images busybox',
    'docker images -q --no-trunc busybox',
    'docker images --digests busybox',
    'docker images -f label=none',
    'docker images -f reference=b*',
    'docker images -f dangling=true',
    { line: 'docker images -f nope=1', differs: LATER, skiff: "invalid filter 'nope'" },
    `docker images --format json busybox`,
    {
      line: 'docker images --tree busybox',
      differs: 'The reference engine’s API is too old for it.',
      skiff: 'CONTENT SIZE',
    },
    'docker image ls busybox',
    'docker image ls -a -q busybox',
    'docker history busybox',
    'docker history --no-trunc -H=false busybox',
    'docker history -q busybox',
    'docker image history --format json busybox',
    'docker history nope',
    {
      line: 'docker image inspect busybox',
      differs:
        '`GraphDriver.Data` has our folders, and none for a mount, which an image has not; no `DockerVersion`; `VirtualSize` ended with API 1.44.',
      skiff: '"Data": {\n                "UpperDir"',
    },
    `docker image inspect -f '{{.RepoTags}} {{.Os}}/{{.Architecture}} {{.Config.Cmd}} {{.Comment}}' busybox`,
    { line: 'docker image inspect nope', differs: LATER, skiff: 'daemon: No such image: nope:latest' },
    'docker tag busybox team/tool:1.0',
    'docker image tag nope x',
    'docker tag busybox UPPER',
    'docker save -o saved.tar busybox team/tool:1.0',
    'docker image save busybox | tar -t | grep -c manifest.json',
    'docker save nope',
    'docker save busybox > /dev/null',
    'docker rmi team/tool:1.0',
    'docker rmi -f nothing piped:1',
    'docker image rm nope',
    'docker rmi',
    'docker load -q -i saved.tar',
    'docker load -i saved.tar | sort',
    'docker image load < saved.tar | sort',
    'docker load -i /nope',
    {
      line: 'echo nonsense | docker load',
      differs: 'The archive is read in the daemon, not by a process of its own.',
      skiff: 'invalid archive: unexpected EOF',
    },
    'docker image rm --no-prune team/tool:1.0',
    `sleep 1; docker events --since 1h --until 0s -f type=image -f event=import -f event=tag -f event=load --format '{{.Action}}' | sort | uniq -c`,
    'docker image prune -f',
    'docker image prune -af --filter until=1h',
    'docker image prune -f --filter label=none',
  ],
}

const BUILD: Section = {
  title: 'Building, by the classic builder',
  lines: [
    {
      line: 'DOCKER_BUILDKIT=0 docker build -t site:1 site',
      differs: 'Instructions that only change the configuration, and COPY, need no container here: no `Running in`.',
      skiff: 'ARG WHO=nobody\n ---> SHORT-ID\n',
    },
    'DOCKER_BUILDKIT=0 docker build -q -t site:2 site',
    'DOCKER_BUILDKIT=0 docker image build -q --no-cache -t site:3 --build-arg WHO=me --label a=b site',
    'DOCKER_BUILDKIT=0 docker build -q --target first -t first site',
    'DOCKER_BUILDKIT=0 docker build --target nope site',
    {
      line: 'DOCKER_BUILDKIT=0 docker build -f site/Broken site',
      differs: LATER,
      skiff: 'dockerfile parse error on line 2: unknown instruction: NOPE',
    },
    'DOCKER_BUILDKIT=0 docker build --force-rm -f site/Failing site >/dev/null',
    'DOCKER_BUILDKIT=0 docker build -f nope site',
    'DOCKER_BUILDKIT=0 docker build nope',
    'DOCKER_BUILDKIT=0 docker build -q --network none --memory 64m -t site:4 site',
    `printf 'FROM busybox\\nRUN echo from stdin\\n' | DOCKER_BUILDKIT=0 docker build -t piped -`,
    `tar -C site -c . | DOCKER_BUILDKIT=0 docker build -q -t packed -`,
    'docker run --rm site:1',
    'docker run --rm site:3',
    'docker history --format {{.CreatedBy}} site:1',
    `docker image inspect -f '{{json .Config.Labels}} {{.Config.User}} {{.Config.WorkingDir}}' site:3`,
    'docker image inspect -f {{.Config.Env}} site:3',
    {
      line: 'docker builder prune -af',
      differs: 'What the builder keeps for later builds are no images here, so that this command is what removes it.',
      skiff: 'Deleted build cache objects',
    },
    'docker rmi -f site:3 site:4 first piped packed | grep -c Untagged',
    'DOCKER_BUILDKIT=1 docker build site',
  ],
}

const NETWORKS: Section = {
  title: 'Networks',
  lines: [
    'docker network ls',
    'docker network ls -q --filter driver=bridge --no-trunc',
    `docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'`,
    { line: 'docker network ls --filter nope=1', differs: LATER, skiff: "invalid filter 'nope'" },
    'docker network create --label team=x front',
    'docker network create front',
    'docker network create --subnet $SUBNET.0/24 --gateway $SUBNET.1 --ip-range $SUBNET.128/25 back',
    'docker network create --internal --attachable -o com.docker.network.bridge.enable_icc=false quiet',
    {
      line: 'docker network create --subnet $SUBNET.0/24 overlapping',
      differs: LATER,
      skiff: 'invalid pool request: Pool overlaps',
    },
    {
      line: 'docker network create --subnet nonsense x',
      differs: LATER,
      skiff: 'invalid subnet nonsense: invalid CIDR block notation',
    },
    'docker network create --subnet $SUBNET.0/24 --gateway 11.0.0.1 x',
    'docker network create',
    'docker network ls --filter label=team=x',
    'docker network ls --filter type=custom -q | wc -l',
    { line: 'docker network inspect back', differs: '`EnableIPv4` came with API 1.47.', skiff: '"EnableIPv4": true' },
    `docker network inspect -f '{{json .IPAM.Config}} {{.Internal}} {{.Driver}}' back quiet`,
    'docker network inspect nope',
    'docker run -d --name peer --network front --network-alias friend busybox sleep 1000',
    'docker run --rm --network front busybox ping -c 1 -q friend | grep received',
    'docker network connect --ip $SUBNET.77 --alias other back peer',
    'docker network connect back peer',
    {
      line: 'docker network connect --ip 1.2.3.4 back peer',
      differs: LATER,
      skiff: 'no configured subnet contains IP address 1.2.3.4',
    },
    'docker network connect nope peer',
    `docker inspect -f '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}' peer`,
    `docker exec peer ip -4 -o addr show eth1 | cut -d: -f2`,
    'docker network rm front',
    'docker network disconnect back peer',
    'docker network disconnect back peer',
    {
      line: 'docker network disconnect -f nope peer',
      differs: 'It is the network that is not there.',
      skiff: 'network nope not found',
    },
    'docker rm -f peer',
    'docker network rm back',
    'docker network rm bridge',
    'docker network rm nope',
    'docker network rm -f nope',
    'docker network prune -f | sort',
  ],
}

const VOLUMES: Section = {
  title: 'Volumes',
  lines: [
    'docker volume create data',
    'docker volume create data',
    'docker volume create --label a=b -d local labelled',
    'docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m small',
    'docker volume create -o nope=1 strange',
    'docker volume create x/y',
    'docker volume create | wc -c',
    'docker volume ls -q -f name=data',
    'docker volume ls -f label=a=b',
    'docker volume ls -f dangling=true -q | wc -l',
    'docker volume ls --format json -f name=data',
    { line: 'docker volume ls -f nope=1', differs: LATER, skiff: "invalid filter 'nope'" },
    'docker volume inspect data small',
    'docker volume inspect -f {{.Mountpoint}} labelled',
    'docker volume inspect nope',
    `docker run --rm -v data:/d busybox sh -c 'echo kept >/d/file'`,
    'docker run --rm -v data:/d:ro busybox cat /d/file',
    'docker run --rm -v data:/d:ro busybox touch /d/x',
    `docker run --rm --mount type=volume,src=small,dst=/s busybox df -k /s`,
    'docker run --rm --mount type=bind,src=/nope,dst=/s busybox true',
    'docker run --rm -v $PWD/site:/s:ro busybox ls /s',
    'docker run --rm --tmpfs /t:size=64k busybox df -k /t',
    'docker create --name holder -v data:/d busybox',
    'docker volume rm data',
    'docker rm -v holder',
    'docker volume rm data',
    {
      line: `sleep 1; docker events --since 1h --until 0s -f type=volume -f volume=data --format '{{.Action}}'`,
      differs: 'As in later versions, a volume that is only used again is not created again.',
      skiff: 'create\nmount\nunmount\nmount',
    },
    'docker volume rm nope',
    'docker volume rm -f nope',
    {
      line: 'docker volume prune -f | wc -l',
      differs: 'Since API 1.42 volumes with names are kept without `--all`.',
      skiff: '4',
    },
    {
      line: 'docker volume prune -af | sort',
      differs: 'The reference engine’s API is too old for it.',
      skiff: 'labelled\nsmall',
    },
  ],
}

const ELSEWHERE: Section = {
  title: 'Registries; nothing listens on port 9',
  lines: [
    'docker login -u me -p secret 127.0.0.1:9',
    'docker logout 127.0.0.1:9',
    'docker pull 127.0.0.1:9/team/tool',
    'docker pull -q 127.0.0.1:9/team/tool:1.0',
    'docker pull UPPER',
    'docker tag busybox 127.0.0.1:9/team/tool',
    'docker push 127.0.0.1:9/team/tool',
    'docker push -q 127.0.0.1:9/team/tool',
    'docker image push nope',
    'docker image push -a nope',
    'docker push -a 127.0.0.1:9/team/tool',
    'docker run --rm --network nope 127.0.0.1:9/team/tool true',
    'docker rmi 127.0.0.1:9/team/tool',
    {
      line: 'docker search 127.0.0.1:9/tool',
      differs: 'The index is asked at once, without a ping before.',
      skiff: 'http://127.0.0.1:9/v1/search',
    },
    { line: 'docker search --filter nope=1 tool', differs: LATER, skiff: "invalid filter 'nope'" },
    'docker search --limit 1000 tool',
    'docker run --rm --pull never nosuch',
    'docker run --rm --pull always 127.0.0.1:9/team/tool',
  ],
}

const SYSTEM: Section = {
  title: 'The system',
  lines: [
    { line: 'docker version', differs: 'It says which engine it is.', skiff: 'Server: skiff' },
    `docker version -f '{{.Server.Os}}/{{.Server.Arch}} {{.Server.KernelVersion}}'`,
    {
      line: 'docker version -f {{.Server.APIVersion}}',
      differs: 'The reference engine is Docker 20.10.',
      skiff: '1.47',
    },
    { line: 'docker info', differs: 'It says which engine it is.', skiff: 'Runtimes: skiff' },
    `docker info -f '{{.Driver}} {{.NCPU}} {{.MemTotal}} {{.OSType}} {{.Architecture}} {{.CgroupVersion}}'`,
    `docker info -f '{{json .Plugins.Volume}} {{json .Swarm.LocalNodeState}} {{.LoggingDriver}}'`,
    {
      line: 'docker info -f {{.Plugins.Network}}',
      differs: 'See limits.md: no ipvlan, no overlay.',
      skiff: '[bridge host macvlan null]',
    },
    {
      line: 'docker info -f {{.Plugins.Log}}',
      differs: 'See limits.md: these log drivers.',
      skiff: '[journald json-file local syslog]',
    },
    'docker system info -f {{.Name}}',
    'docker system df',
    'docker system df -v | grep -c :',
    `docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'`,
    'docker inspect busybox bridge -f {{.Id}}',
    'docker inspect --type volume busybox',
    'docker inspect nope',
    `sleep 1; docker events --since 1h --until 0s -f type=network -f network=front --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}'`,
    'docker events --since nonsense --until 0s',
    'docker system prune -f | tail -n 1',
    'docker system prune -f --filter label=none',
    'docker system prune -af --volumes | tail -n 1',
    'docker node ls',
    'docker service ls',
    'docker stack ls',
    'docker secret ls',
    'docker config ls',
    'docker swarm leave',
    'docker plugin ls',
    'docker plugin inspect nope',
    'docker checkpoint ls nope',
  ],
}

export const TABLE: readonly Section[] = [IMAGES, ...CONTAINERS, BUILD, NETWORKS, VOLUMES, ELSEWHERE, SYSTEM]
