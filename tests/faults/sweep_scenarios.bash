# What a user does, for the fault sweep (sweep.sh). A scenario NAME is two functions: prepare_NAME makes
# the world in which it begins, without faults, and act_NAME is what happens while calls fail. SPECS is
# the folder of specs; `fake` asks the fake engine.
#
# Grace periods are short, so that nothing has to be waited for; there is an instance with a port, an
# address in a zone, a volume and a probe, and a pool.

SCENARIOS=(start create recreate scale-up scale-down delete network power lost)

put() {
    cat >"$SPECS/.$1.new"
    mv "$SPECS/.$1.new" "$SPECS/$1"
}

# put_web [MORE_OF_SPEC...]: an instance with all that an engine is asked for.
put_web() {
    {
        cat <<'SPEC'
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  machineType: e2-small
  zone: zone-a
  image: berth-test/web:1
  terminationGracePeriodSeconds: 1
  ports: [{name: http, containerPort: 8080}]
  volumes: [{name: data, mountPath: /data, volume: web-data}]
SPEC
        (($# == 0)) || printf '  %s\n' "$@"
    } | put web.yaml
}

put_pool() {
    put pool.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: pool}
spec:
  minInstances: $1
  maxInstances: $1
  autoscaling: {scaleDownDelaySeconds: 0}
  template:
    spec: {machineType: e2-small, zone: zone-a, image: "berth-test/web:1", terminationGracePeriodSeconds: 1}
SPEC
}

# The controller's first words with the engine are part of it: it is started by act.
prepare_start() { put_web; }
act_start() { start_controller; }

prepare_create() { start_controller; }
act_create() { put_web; }

prepare_recreate() { start_controller && put_web; }
act_recreate() { put_web 'env: [{name: COLOUR, value: blue}]'; }

prepare_scale-up() { start_controller && put_pool 1; }
act_scale-up() { put_pool 3; }

prepare_scale-down() { start_controller && put_pool 3; }
act_scale-down() { put_pool 1; }

prepare_delete() { start_controller && put_web && put_pool 1; }
act_delete() { rm "$SPECS/web.yaml"; }

prepare_network() { start_controller && put_web; }
act_network() {
    put_web
    sed -i 's/zone-a/zone-b/; s/containerPort: 8080}/&, {name: more, containerPort: 8081}/' "$SPECS/web.yaml"
}

prepare_power() { start_controller && put_web; }
act_power() { put_web 'powerState: Stopped'; }

# It ends by itself.
prepare_lost() { start_controller && put_web; }
act_lost() { fake 'die?name=web&code=3' -X POST; }
