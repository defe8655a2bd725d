/** A text that gives a secret away, and the secret: what stands between the braces, which are taken out. */
export interface Told {
  readonly text: string
  readonly secret: string
}

/** Secrets as people and programs write them: on command lines, in settings, in sentences. One a line. */
export const TOLD_SECRETS: readonly Told[] = String.raw`
curl -uann:{letmein} https://api.example.com/v1/orders
curl -sSu ann:{letmein} https://api.example.com/v1/orders
curl --user ann:{opensesame} https://api.example.com
curl -u 'ann:{open sesame now}' https://api.example.com
curl --user "ann:{open sesame now please}" -X POST https://api.example.com
curl --proxy-user proxy:{letmein} https://api.example.com
curl -Uproxy:{letmein} https://api.example.com
curl -H "X-Api-Key: {letmein}" https://api.example.com
curl -d 'grant_type=password&username=ann&password={letmein}' https://api.example.com/token
sshpass -p {letmein} ssh ann@10.0.0.7
sshpass -p{letmein} scp dump.sql ann@10.0.0.7:/tmp
sshpass -p 'correct {horse battery}' ssh ann@10.0.0.7
sshpass -p "{open sesame now}" rsync -a . ann@10.0.0.7:/srv
mysql -u root -p{letmein} shop
mysqldump --user=root --password={letmein} shop
mysql -h db.internal -u root --password '{open sesame now}' shop
PGPASSWORD={letmein} psql -h db.internal -U ann shop
PGPASSWORD='{open sesame now}' pg_dump shop
redis-cli -h cache.internal -a {letmein} PING
docker login -u ann -p {letmein} registry.example.com
docker login --username ann --password {letmein} registry.example.com
mongodump --host db.internal -u ann -p {letmein}
ldapsearch -x -D cn=admin,dc=example,dc=com -w {letmein}
sqlcmd -S db.internal -U sa -P {letmein} -Q "SELECT 1"
unzip -P {letmein} backup.zip
gpg --batch --passphrase {letmein} --decrypt dump.gpg
openssl rsa -in key.pem -passin pass:{letmein}
keytool -list -keystore app.jks -storepass {changeit}
java -Djavax.net.ssl.keyStorePassword={changeit} -jar app.jar
kubectl create secret generic db --from-literal=password={letmein}
helm upgrade shop ./chart --set auth.password={letmein}
export DB_PASSWORD={letmein}
export SMTP_PASS='{open sesame now}'
$env:API_TOKEN = "{letmein}"
http -a ann:{letmein} https://api.example.com/v1/orders
wget --http-user=ann --http-password={letmein} https://api.example.com
smbclient //nas/share -U ann%{letmein}
password {letmein} is wrong
Password {letmein} is not correct for user ann
The password {opensesame} does not match our records
the password "{open sesame now}" is wrong
Password '{correct horse battery}' was rejected
Login failed: user ann, password {letmein}
wrong password {letmein} for ann@example.com
invalid password ({letmein})
authentication with password {letmein} failed
passphrase {opensesame} is invalid
passphrase "{correct horse battery}" is too weak
pwd {letmein} incorrect
passcode '{blue sky}' does not open this meeting
Server=db;Database=shop;User Id=ann;Password={open sesame now};Encrypt=true
host=db.internal user=ann password='{open sesame now}' dbname=shop
host=db.internal user=ann password={letmein} dbname=shop
{"username":"ann","password":"{open sesame now}"} was refused
username: ann, password: {letmein}
<Username>ann</Username><Password>{open sesame now}</Password>
credentials ann:{letmein} were rejected
PIN {4711} is wrong
OTP {482913} has expired
api key {letmein} is unknown
`
  .trim()
  .split('\n')
  .map((line) => {
    const [, before = '', secret = '', after = ''] = /^(.*?)\{(?!")([^{}]+)\}(.*)$/.exec(line)!
    return { text: before + secret + after, secret }
  })

/** What speaks of passwords, or is a command line, and holds no secret. One a line. */
export const HARMLESS_SPEECH: readonly string[] = String.raw`
password is required
Password must be changed before the first login
The password has expired, please set another one
password reset link expired after 24 hours
passwords do not match
password authentication failed for user "ann"
Password too short, at least 12 characters are required
password change required by your administrator
Password strength is weak
password field is empty
Wrong password. Try again.
Wrong password for user ann
invalid password, 3 attempts left
password hash mismatch in row 17
password grant is not supported
password-protected files are not accepted
password rotation is due on 2026-02-01
password login disabled for this realm
your password manager may have an older one
Forgot password? A link was sent to a***@example.com
The password you entered is incorrect
password and username are required
password or token is missing
password attempts exceeded, locked for 15 minutes
Password already used, choose another
password policy requires a symbol
password confirmation does not match
password provided does not match our records
no password supplied
password attribute cannot be blank
passphrase required to unlock the key
passcode expired, ask the host for another
PIN required for this card
PIN is wrong, 2 tries left
one-time password sent to your phone
OTP expired, request another
pinned to version 1.2.3
api key missing
api key invalid or expired
The API key provided is not valid for this endpoint
credentials are missing or malformed
token bucket is empty, 3 units a second
docker run -p 8080:80 nginx
docker exec -u 1000:1000 web sh
docker exec -u www-data:www-data web sh
ssh -p 2222 ann@10.0.0.7
mkdir -p /var/lib/app
ps -u root
sudo -u postgres psql -p 5432 shop
journalctl -u nginx.service --since today
rsync -avu build/ host:/srv/www
curl -sS -o /dev/null -w %{http_code} https://api.example.com
nmap -p 1-1000 10.0.0.7
grep -P pattern server.log
kubectl -n payments get pods -o wide
mysql -h db.internal -P 3306 -u ann shop
redis-cli -h cache.internal -p 6379 PING
psql -h db.internal -p 5432 -U ann -w shop
ffmpeg -i in.mp4 -pass 1 -an out.mp4
git config user.name "Ann Example"
`
  .trim()
  .split('\n')
